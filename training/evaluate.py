"""Measures a model on a labelled folder and prints one JSON line, with the fields of tools/evaluate.ts and more.

    python training/evaluate.py --data FOLDER --model models/pcb-pair-synth/1/model.onnx

Calibration and thresholds come from the manifest.json beside the model when there is one (else raw scores and 0.5).
"""
import argparse
import json
import os

import data
import measure
from detect import detect, runner
from model import CLASSES


def settings(model, manifest):
    """(a, b), thresholds in class order, IoU of the suppression."""
    path = manifest or os.path.join(os.path.dirname(os.path.abspath(model)), "manifest.json")
    if not os.path.exists(path):
        return (1.0, 0.0), [0.5] * len(CLASSES), 0.3
    with open(path) as f:
        m = json.load(f)
    return (m["calibration"]["a"], m["calibration"]["b"]), [m["thresholds"][c] for c in CLASSES], m["nms_iou"]


def rounded(x):
    if isinstance(x, float):
        return round(x, 4)
    if isinstance(x, dict):
        return {k: rounded(v) for k, v in x.items()}
    return x


def evaluate(model, folder, limit=None, manifest=None):
    calibration, thresholds, nms = settings(model, manifest)
    boards = data.load(folder, limit)
    founds, ms = detect(runner(model), boards, 0.005, nms)
    out = measure.report(boards.boxes, founds, thresholds, calibration)
    groups = {}
    for g in sorted(set(boards.groups)):
        at = [i for i, h in enumerate(boards.groups) if h == g]
        r = measure.report([boards.boxes[i] for i in at], [founds[i] for i in at], thresholds, calibration)
        groups[g] = {k: r[k] for k in ("pairs", "ap", "ap_any_class", "f1", "escapes", "false_calls_per_picture")}
    return dict(out, ms_per_pair=ms, model=model, data=folder, groups=groups)


def record(path, name, out):
    """Adds the figures of one set to `measured` of the model's manifest."""
    with open(path) as f:
        m = json.load(f)
    keep = ["pairs", "ap", "ap_any_class", "f1", "map33", "map50", "ece", "met", "wrong_class", "escapes", "false_calls_per_picture"]
    if out["good_boards"]:
        keep += ["good_boards", "good_boards_failed"]
    if out["good_boards"] == out["pairs"]:
        keep = ["pairs", "false_calls_per_picture", "good_boards", "good_boards_failed"]
    m.setdefault("measured", {})[name] = {k: out[k] for k in keep}
    with open(path, "w") as f:
        json.dump(m, f, indent=2)
        f.write("\n")


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--data", required=True)
    p.add_argument("--model", required=True)
    p.add_argument("--manifest")
    p.add_argument("--limit", type=int, help="pairs, spread evenly")
    p.add_argument("--record", metavar="NAME", help="write the figures into the model's manifest under this name")
    a = p.parse_args()
    result = rounded(evaluate(a.model, a.data, a.limit, a.manifest))
    if a.record:
        record(os.path.join(os.path.dirname(os.path.abspath(a.model)), "manifest.json"), a.record, result)
    print(json.dumps(result))
