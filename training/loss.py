"""Targets and loss of PairNet: CenterNet's focal loss on the heat map, 1 - IoU on the boxes."""
import numpy as np
import torch
from torch.nn import functional as F

from model import CLASSES, STRIDE

SPREAD = 0.18  # sigma of the target's bell, as a fraction of the box's side


def targets(boxes, size):
    """Boxes [K, 5] in pixels of a `size` x `size` crop -> heat [6, S, S], weight [S, S], ltrb [4, S, S], mask [S, S].

    A box counts when its centre lies inside; where a box with its centre outside reaches in, nothing is asked (weight 0).
    Boxes are regressed in the 3 x 3 cells around the centre, in pixels from the cell's centre.
    """
    s = size // STRIDE
    heat = np.zeros((len(CLASSES), s, s), np.float32)
    weight, mask = np.ones((s, s), np.float32), np.zeros((s, s), np.float32)
    ltrb = np.ones((4, s, s), np.float32)
    cells = (np.arange(s) + 0.5) * STRIDE
    for x1, y1, x2, y2, c in boxes:
        cx, cy = (x1 + x2) / 2, (y1 + y2) / 2
        if not (0 <= cx < size and 0 <= cy < size):
            a, b = (slice(max(int(p // STRIDE), 0), max(int(-(-q // STRIDE)), 0)) for p, q in ((x1, x2), (y1, y2)))
            weight[b, a] = 0
            continue
        j, i = int(cx // STRIDE), int(cy // STRIDE)
        gx = np.exp(-0.5 * ((cells - cx) / (SPREAD * (x2 - x1))) ** 2)
        gy = np.exp(-0.5 * ((cells - cy) / (SPREAD * (y2 - y1))) ** 2)
        bell = np.outer(gy, gx).astype(np.float32)
        bell[i, j] = 1
        heat[int(c)] = np.maximum(heat[int(c)], bell)
        for r in range(max(i - 1, 0), min(i + 2, s)):
            for q in range(max(j - 1, 0), min(j + 2, s)):
                px, py = cells[q], cells[r]
                if x1 < px < x2 and y1 < py < y2:
                    ltrb[:, r, q] = px - x1, py - y1, x2 - px, y2 - py
                    mask[r, q] = 1
    return heat, weight, ltrb, mask


def focal(logits, heat, weight):
    """Focal loss (alpha 2, beta 4) per defect; cells near a centre are punished less. Exact centres are heat == 1."""
    p = logits.sigmoid()
    centre = (heat == 1).float()
    hit = centre * (1 - p) ** 2 * F.softplus(-logits)
    miss = (1 - centre) * (1 - heat) ** 4 * p ** 2 * F.softplus(logits)
    return ((hit + miss) * weight.unsqueeze(1)).sum() / centre.sum().clamp(min=1)


def iou_loss(log_ltrb, ltrb, mask):
    """Mean 1 - IoU over the masked cells; both boxes hold the cell's centre, so the overlap is a product of minima."""
    at = mask > 0
    p = log_ltrb.clamp(max=6).exp().permute(0, 2, 3, 1)[at]
    t = ltrb.permute(0, 2, 3, 1)[at]
    if not len(t):
        return log_ltrb.sum() * 0
    low = torch.minimum(p, t)
    both = (low[:, 0] + low[:, 2]) * (low[:, 1] + low[:, 3])
    area = (p[:, 0] + p[:, 2]) * (p[:, 1] + p[:, 3]) + (t[:, 0] + t[:, 2]) * (t[:, 1] + t[:, 3])
    return (1 - both / (area - both)).mean()


def loss(logits, log_ltrb, batch):
    heat, weight, ltrb, mask = batch
    return focal(logits, heat, weight) + 2 * iou_loss(log_ltrb, ltrb, mask)
