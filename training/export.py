"""Writes a checkpoint as a version of a Triton model repository: <out>/<version>/{model.onnx, golden.json}.

    python training/export.py --checkpoint /tmp/pairnet/last.pt --out models/pcb-pair-synth

ONNX opset 13, tensors `pair` -> `heat`, `ltrb`, N, H and W free. Checks the file against PyTorch in three shapes, and
golden.json holds a tiny drawn board with the answers, for a start-up check of any runtime.
"""
import argparse
import base64
import hashlib
import json
import os
import warnings

import numpy as np
import torch

from model import PairNet, Served

TOLERANCE = 1e-3  # largest difference that golden.json allows: in score, and as a fraction of a distance over 1 px


def drawn_board(side=128):
    """uint8 [1, 2, side, side]: four tracks of 14 px; the inspected picture has one cut, one bridge, one pin-hole."""
    template = np.zeros((side, side), np.uint8)
    for x in range(9, side, 32):
        template[:, x:x + 14] = 1
    inspected = template.copy()
    inspected[20:29, 41:55] = 0
    inspected[70:78, 55:73] = 1
    inspected[100:107, 109:115] = 0
    return np.stack([template, inspected])[None]


def difference(got, want):
    """Largest difference of two answers, as TOLERANCE counts it."""
    return max(float((np.abs(g - w) / np.maximum(np.abs(w), 1)).max()) for g, w in zip(got, want))


def packed(array, kind):
    array = np.ascontiguousarray(array)
    return dict(datatype=kind, shape=list(array.shape), base64=base64.b64encode(array.tobytes()).decode())


def write_golden(session, folder):
    """golden.json of a version: a tiny drawn board and what `session` answers to it. -> the highest score."""
    pair = drawn_board()
    heat, ltrb = session.run(["heat", "ltrb"], {"pair": pair})
    golden = dict(about="Tensors as little-endian base64. A runtime that loads model.onnx must answer `inputs` with `outputs`.",
                  tolerance=TOLERANCE, inputs=dict(pair=packed(pair, "UINT8")),
                  outputs=dict(heat=packed(heat, "FP32"), ltrb=packed(ltrb, "FP32")))
    with open(os.path.join(folder, "golden.json"), "w") as f:
        json.dump(golden, f, indent=1)
        f.write("\n")
    return float(heat.max())


def said(path, **more):
    with open(path, "rb") as f:
        sha = hashlib.sha256(f.read()).hexdigest()
    print(json.dumps(dict(model=path, sha256=sha, bytes=os.path.getsize(path), **more)))


def export(checkpoint, out, version):
    net = PairNet()
    net.load_state_dict(torch.load(checkpoint, map_location="cpu")["ema"])
    served = Served(net.eval()).eval()
    folder = os.path.join(out, str(version))
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "model.onnx")
    free = {0: "N", 2: "H", 3: "W"}
    free8 = {0: "N", 2: "H8", 3: "W8"}
    old = {"dynamo": False} if torch.__version__ >= "2.5" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(served, torch.from_numpy(drawn_board()), path, opset_version=13, input_names=["pair"],
                          output_names=["heat", "ltrb"], dynamic_axes={"pair": free, "heat": free8, "ltrb": free8}, **old)
    import onnxruntime as ort

    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    rng, worst = np.random.default_rng(1), 0.0
    for shape in ((1, 2, 640, 640), (3, 2, 128, 192), (2, 2, 64, 64)):
        pair = np.tile(drawn_board(64), [shape[0], 1, shape[2] // 64, shape[3] // 64]) ^ (rng.random(shape) < 0.01).astype(np.uint8)
        with torch.no_grad():
            want = [t.numpy() for t in served(torch.from_numpy(pair))]
        got = session.run(["heat", "ltrb"], {"pair": pair})
        assert [g.shape for g in got] == [(shape[0], c, shape[2] // 8, shape[3] // 8) for c in (6, 4)]
        worst = max(worst, difference(got, want))
    assert worst < TOLERANCE, worst
    peak = write_golden(session, folder)
    said(path, worst_difference=worst, golden_peak=peak)


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--checkpoint", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--version", type=int, default=1)
    a = p.parse_args()
    export(a.checkpoint, a.out, a.version)
