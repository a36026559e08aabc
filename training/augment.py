"""A random training crop of a pair, with what a camera and a plating line do to it.

Every change keeps the labels exact. Numbers are pixels of the picture; how often and how far was taken from the
registration errors and edge roughness that AOI pictures show (template shift, line-scan stretch, over- and under-etch).
"""
import cv2
import numpy as np

import strokes

# What a defect becomes when copper and laminate change places: open<->short, mousebite<->spur, copper<->pin-hole.
SWAPPED = np.array([1, 0, 3, 2, 5, 4], np.float32)
MARGIN = 10.0  # a box is the changed pixels and about this much around them; zoom must not scale the margin
KERNELS = [cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), np.ones((3, 3), np.uint8)]


def view(rng, boards, i, size):
    """Cuts `size` x `size` out of pair i under zoom, shift and stretch.

    The template is read through the same map as the inspected picture plus an offset (shift, up to 4 px) that grows
    along the line of scan (stretch, up to 0.6 %); the offset never exceeds 5 px. -> pair uint8 [2, size, size], boxes.
    """
    pair = boards.pair(i)
    h, w = pair.shape[1:]
    zoom = float(np.exp(rng.uniform(-0.25, 0.3))) if rng.random() < 0.4 else 1.0
    span = size / zoom
    boxes = boards.boxes[i].copy()
    if len(boxes) and rng.random() < 0.7:  # most crops hold a defect: centre near one
        b = boxes[rng.integers(len(boxes))]
        at = [rng.uniform(c - 0.9 * span, c - 0.1 * span) for c in ((b[0] + b[2]) / 2, (b[1] + b[3]) / 2)]
    else:
        at = [rng.uniform(0, max(w - span, 1)), rng.uniform(0, max(h - span, 1))]
    x0, y0 = (float(np.clip(a, 0, max(n - span, 0))) for a, n in zip(at, (w, h)))
    if zoom == 1.0:
        x0, y0 = round(x0), round(y0)
    xs, ys = x0 + (np.arange(size) + 0.5) / zoom, y0 + (np.arange(size) + 0.5) / zoom
    sigma = rng.choice([0.7, 1.5, 2.5])
    offset = []
    for axis, n in ((xs, w), (ys, h)):
        stretch = rng.uniform(-0.006, 0.006) if rng.random() < 0.3 else 0.0
        offset.append(np.clip(np.clip(rng.normal(0, sigma), -4, 4) + stretch * (axis - rng.uniform(0, n)), -5, 5))
    out = []
    for plane, (dx, dy) in zip(pair, (offset, (0.0, 0.0))):
        cols = np.clip(np.floor(xs + dx), 0, w - 1).astype(np.intp)
        rows = np.clip(np.floor(ys + dy), 0, h - 1).astype(np.intp)
        out.append(plane[rows][:, cols])
    m = np.array([MARGIN, MARGIN, -MARGIN, -MARGIN], np.float32)
    boxes[:, :4] = ((boxes[:, :4] + m) - (x0, y0, x0, y0)) * zoom - m
    return np.stack(out), boxes


def rough(rng, plane, amount):
    """Edge roughness: blur, add noise smooth over 1..3 px, threshold again. `amount` 0..1 of the black-white step."""
    noise = rng.standard_normal(plane.shape, dtype=np.float32)
    s = rng.uniform(0.8, 2.0)
    noise = cv2.GaussianBlur(noise, (0, 0), s) * (2 * s * np.sqrt(np.pi))  # unit variance again
    soft = cv2.GaussianBlur(plane.astype(np.float32), (0, 0), rng.uniform(0.8, 1.6))
    return (soft + amount * noise > 0.5 + rng.uniform(-0.12, 0.12)).astype(np.uint8)


def specks(rng, plane):
    """Dust of 1..3 px that nobody labels."""
    h, w = plane.shape
    for _ in range(rng.integers(1, 8)):
        y, x, s = rng.integers(h), rng.integers(w), rng.integers(1, 4)
        plane[y:y + s, x:x + rng.integers(1, 4)] ^= 1
    return plane


def sample(rng, boards, i, size=320, good=0.08, drawn=0.6):
    """One training crop: (pair uint8 [2, size, size], boxes float32 [K, 5]). With probability `good` a defect-free pair
    made of the template alone; of the others the fraction `drawn` gets extra defects (strokes.py)."""
    pair, boxes = view(rng, boards, i, size)
    template, inspected = pair
    if rng.random() < good:
        h, w = template.shape
        move = np.float32([[1, 0, rng.uniform(-3, 3)], [0, 1, rng.uniform(-3, 3)]])
        inspected = cv2.warpAffine(template, move, (w, h), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
        inspected = rough(rng, inspected, rng.uniform(0.0, 0.12))
        boxes = boxes[:0]
    elif rng.random() < drawn:
        boxes = strokes.add(rng, inspected, boxes)
    if rng.random() < 0.15:
        inspected = rough(rng, inspected, rng.uniform(0.0, 0.1))
    u = rng.random()
    if u < 0.25:
        inspected = (cv2.dilate if u < 0.125 else cv2.erode)(inspected, KERNELS[rng.integers(2)])
    if rng.random() < 0.15:
        inspected = specks(rng, inspected.copy())
    pair = np.stack([template, inspected])
    if rng.random() < 0.5:
        pair ^= 1
        boxes[:, 4] = SWAPPED[boxes[:, 4].astype(int)]
    if rng.random() < 0.5:
        pair = pair[:, :, ::-1]
        boxes[:, [0, 2]] = size - boxes[:, [2, 0]]
    if rng.random() < 0.5:
        pair = pair[:, ::-1]
        boxes[:, [1, 3]] = size - boxes[:, [3, 1]]
    if rng.random() < 0.5:
        pair = pair.transpose(0, 2, 1)
        boxes = boxes[:, [1, 0, 3, 2, 4]]
    return np.ascontiguousarray(pair), boxes
