"""Times a model in ONNX Runtime as the platform runs it: one thread, one pair of boards, at each level of graph optimisation.

    python training/speed.py models/pcb-pair-synth/1/model.onnx models/pcb-pair-synth/2/model.onnx

Processor time of a run in milliseconds, the median; all sessions take turns, so that a busy moment meets them all. The pair is of the size that the
models are made for, with lines like conductors on it: what is on a picture changes no time.
"""
import argparse
import statistics
import time

import numpy as np
import onnxruntime

LEVELS = {
    "off": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


def session(path, level):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = level
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def pair(side):
    board = np.zeros((side, side), np.uint8)
    board[:, ::16] = board[:, 1::16] = board[::64] = 1
    return np.stack([board, np.roll(board, 1, axis=1)])[None]


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("models", nargs="+")
    p.add_argument("--runs", type=int, default=15)
    p.add_argument("--side", type=int, default=640, help="pixels, a multiple of 8")
    a = p.parse_args()
    boards = pair(a.side)
    sessions = {(model, name): session(model, level) for model in a.models for name, level in LEVELS.items()}
    times = {key: [] for key in sessions}
    for run in range(a.runs + 2):
        for key, one in sessions.items():
            began = time.process_time()
            one.run(None, {"pair": boards})
            if run >= 2:  # the first two find cold memory
                times[key].append((time.process_time() - began) * 1e3)
    for model in a.models:
        print(f"{model}: " + ", ".join(f"{name} {statistics.median(times[model, name]):.1f} ms" for name in LEVELS))
