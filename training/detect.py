"""From a model file and pairs to boxes: what the platform does after the model, in Python."""
import time

import numpy as np

from model import STRIDE

LOW = 1e-6  # scores are kept away from 0 and 1 before a logit is taken


def runner(path, threads=1):
    """pair uint8 [1, 2, H, W] -> (heat, ltrb); `path` is an exported .onnx or a checkpoint .pt (its averaged weights)."""
    if path.endswith(".onnx"):
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return lambda pair: session.run(["heat", "ltrb"], {"pair": pair})
    import torch

    from model import PairNet, Served

    torch.set_num_threads(threads)
    net = PairNet()
    net.load_state_dict(torch.load(path, map_location="cpu")["ema"])
    net = Served(net.eval()).to(memory_format=torch.channels_last)

    def run(pair):
        with torch.no_grad():
            return [t.numpy() for t in net(torch.from_numpy(pair))]

    return run


def overlap(a, b):
    """IoU of every box of a [K, 4+] with every box of b [M, 4+] -> [K, M]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:4], b[None, :, 2:4])
    both = np.prod(np.clip(high - low, 0, None), axis=2)
    area = [np.prod(x[:, 2:4] - x[:, :2], axis=1) for x in (a, b)]
    return both / np.maximum(area[0][:, None] + area[1][None] - both, 1e-9)


def boxes(heat, ltrb, floor, nms=0.3, limit=200):
    """One picture's maps -> [K, 6] x1 y1 x2 y2 class score, falling score, after class-agnostic suppression at IoU `nms`.

    `floor`: least raw score. A box may reach out of the picture; it is clipped.
    """
    c, i, j = np.nonzero(heat > floor)
    score = heat[c, i, j]
    order = np.argsort(-score, kind="stable")[:limit]
    c, i, j, score = c[order], i[order], j[order], score[order]
    x, y = (j + 0.5) * STRIDE, (i + 0.5) * STRIDE
    d = ltrb[:, i, j]
    h, w = (n * STRIDE for n in heat.shape[1:])
    found = np.stack([np.clip(x - d[0], 0, w), np.clip(y - d[1], 0, h), np.clip(x + d[2], 0, w), np.clip(y + d[3], 0, h),
                      c, score], axis=1)
    table, keep, free = overlap(found, found), [], np.ones(len(found), bool)
    for k in range(len(found)):
        if free[k]:
            keep.append(k)
            free &= table[k] <= nms
    return found[keep]


def calibrated(score, a, b):
    """Platt scaling: sigmoid(a * logit(score) + b)."""
    s = np.clip(score, LOW, 1 - LOW)
    return 1 / (1 + np.exp(-(a * np.log(s / (1 - s)) + b)))


def raw(p, a, b):
    """The raw score whose calibrated score is p."""
    return 1 / (1 + np.exp(-((np.log(p / (1 - p)) - b) / a)))


def detect(run, boards, floor, nms=0.3):
    """Boxes of every pair, and milliseconds a pair (the model and the boxes, not the decoding of pictures)."""
    found, clock = [], 0.0
    for i in range(len(boards)):
        pair = boards.pair(i)[None]
        start = time.perf_counter()
        heat, ltrb = run(pair)
        found.append(boxes(heat[0], ltrb[0], floor, nms))
        clock += time.perf_counter() - start
    return found, 1000 * clock / max(len(boards), 1)
