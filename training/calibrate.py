"""Fits Platt scaling and the threshold of each class on our own validation boards, and writes manifest.json.

    python training/calibrate.py --model models/pcb-pair-synth/1/model.onnx --data /tmp/boards-4004 /tmp/boards-7007 \
        --checkpoint /tmp/pairnet/last.pt --train /tmp/boards-train
    python training/calibrate.py --model models/pcb-pair-synth/2/model.onnx --data /tmp/boards-4004 /tmp/boards-7007 \
        --quantised-from models/pcb-pair-synth/1 --ranges /tmp/boards-4004

Never give it boards that are not ours: what is fitted here ships.
"""
import argparse
import hashlib
import json
import os

import numpy as np

import data
import measure
from detect import LOW, calibrated, detect, runner
from evaluate import rounded
from model import CLASSES

GOOD_WEIGHT = 5  # a call on a good board costs as much as this many missed or wrong calls on defective ones
GOOD_LIMIT = 0.01  # at most this share of good boards may have a call
SLACK = 0.005  # thresholds whose cost is within this share of the class's labels of the least cost count as equally good
CRITICAL = ("open", "short")  # an escape of these is worst: they take the lower quarter of the good range, the others its middle
GRID = np.round(np.arange(0.2, 0.901, 0.01), 2)  # thresholds looked at, calibrated score


def platt(scores, hits, steps=100):
    """a, b of sigmoid(a * logit(score) + b) by Newton's method on the log loss, targets smoothed as Platt (1999)."""
    x = np.log(np.clip(scores, LOW, 1 - LOW) / (1 - np.clip(scores, LOW, 1 - LOW)))
    n, m = hits.sum(), (~hits).sum()
    y = np.where(hits, (n + 1) / (n + 2), 1 / (m + 2))
    design, w = np.column_stack([x, np.ones_like(x)]), np.array([1.0, 0.0])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(design @ w, -30, 30)))
        hessian = (design * (p * (1 - p))[:, None]).T @ design + 1e-6 * np.eye(2)
        step = np.linalg.solve(hessian, design.T @ (y - p))
        w = w + step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-9))
    return float(w[0]), float(w[1])


def fit(truths, founds):
    """Platt scaling (a, b) of raw boxes against their labels."""
    hits, scores, _ = measure.judged(truths, founds)
    return platt(scores, hits)


def thresholds(truths, founds):
    """Threshold of each class on calibrated scores (which `founds` carry).

    Cost of a threshold: labels without a right call + wrong calls + GOOD_WEIGHT x calls on good boards. Taken from inside
    the range of good thresholds, so that a small drift costs little. Then, while more than GOOD_LIMIT of the good boards
    have a call, the class that calls most on them is raised.
    """
    good = np.concatenate([np.full(len(f), not len(t)) for t, f in zip(truths, founds)])
    hits, scores, names = measure.judged(truths, founds)
    per = {}
    for c, name in enumerate(CLASSES):
        at = names == c
        labels = sum(int((t[:, 4] == c).sum()) for t in truths)
        cost = []
        for t in GRID:
            made = at & (scores >= t)
            cost.append(labels - (made & hits).sum() + (made & ~hits & ~good).sum() + GOOD_WEIGHT * (made & good).sum())
        best = GRID[np.array(cost) <= min(cost) + SLACK * labels]
        per[name] = float(np.round(np.quantile(best, 0.25 if name in CRITICAL else 0.5), 2))
    clean = [f for t, f in zip(truths, founds) if not len(t)]
    if not clean:
        return per
    while True:
        made = [measure.calls(f, [per[c] for c in CLASSES]) for f in clean]
        if np.mean([len(m) > 0 for m in made]) <= GOOD_LIMIT:
            return per
        count = np.bincount(np.concatenate([m[:, 4] for m in made]).astype(int), minlength=len(CLASSES))
        worst = CLASSES[int(np.argmax(np.where([per[c] < 0.95 for c in CLASSES], count, -1)))]
        if per[worst] >= 0.95:
            return per
        per[worst] = round(per[worst] + 0.01, 2)


def named(folder):
    return dict(folder=os.path.basename(folder.rstrip("/")), pairs=len(data.load(folder)), manifest_sha256=data.fingerprint(folder))


def manifest_of(model):
    """Where the manifest of an exported model lies: beside it."""
    return os.path.join(os.path.dirname(os.path.abspath(model)), "manifest.json")


def described(model, ab, chosen, r, training, validation):
    """What manifest.json says of a model: contract, calibration, thresholds, where it came from, figures per class."""
    metrics = {c: dict(labels=k["labels"], recall=k["named"] / max(k["labels"], 1), met=k["met"] / max(k["labels"], 1),
                       escapes=k["escapes"], false_calls=k["false_calls"], ap33=r["ap33_per_class"][c])
               for c, k in r["per_class"].items()}
    with open(model, "rb") as f:
        sha = hashlib.sha256(f.read()).hexdigest()
    *_, name, version, _ = os.path.abspath(model).split(os.sep)
    return dict(
        name=name, version=int(version), sha256=sha, classes=list(CLASSES),
        input=dict(name="pair", datatype="UINT8", shape=["N", 2, "H", "W"], channels=["golden template", "inspected picture"],
                   values="0 or 1, copper = 1", multiple_of=8, made_for="640 x 640 at 48 px/mm"),
        outputs=dict(heat=dict(datatype="FP32", shape=["N", 6, "H/8", "W/8"], meaning="score of a defect centred in the cell, peaks only"),
                     ltrb=dict(datatype="FP32", shape=["N", 4, "H/8", "W/8"], meaning="pixels from the centre of the cell, ((j + 0.5) * 8, (i + 0.5) * 8), to left, top, right, bottom")),
        calibration=dict(method="platt", formula="sigmoid(a * ln(s / (1 - s)) + b)", a=round(ab[0], 4), b=round(ab[1], 4)),
        thresholds=chosen, thresholds_on="calibrated score", nms_iou=0.3, training=training, validation=validation, metrics=metrics)


def write(model, manifest):
    with open(manifest_of(model), "w") as f:
        json.dump(rounded(manifest), f, indent=2)
        f.write("\n")


VALIDATED = ("ap", "f1", "map33", "map50", "ece", "met", "escapes", "false_calls_per_picture", "good_boards", "good_boards_failed")


def trained(checkpoint, folders):
    import torch

    state = torch.load(checkpoint, map_location="cpu")
    return dict(data=[named(d) for d in folders], crops=int(state["crops"]), minutes=round(state["spent"] / 60, 1),
                source="tools/make-boards.ts; no pictures of anyone else")


def quantised(version, ranges, pairs):
    """The training of the version that was quantised, and how it was."""
    with open(os.path.join(version, "manifest.json")) as f:
        of = json.load(f)
    return dict(of["training"], quantised=dict(of_version=of["version"], of_sha256=of["sha256"], weights="7 bits, a scale for each channel",
                                               activations="8 bits, a scale for each tensor", ranges=dict(named(ranges), pairs=pairs)))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True, help="NAME/VERSION/model.onnx")
    p.add_argument("--data", nargs="+", required=True)
    p.add_argument("--checkpoint", help="the training that it was exported from")
    p.add_argument("--train", nargs="+", default=[], help="what that was trained on")
    p.add_argument("--quantised-from", metavar="FOLDER", help="in place of both: the version that quantise.py was given")
    p.add_argument("--ranges", help="the boards that it was given")
    p.add_argument("--pairs", type=int, default=60, help="and how many of them")
    a = p.parse_args()
    if not (a.checkpoint and a.train) and not (a.quantised_from and a.ranges):
        p.error("--checkpoint and --train, or --quantised-from and --ranges")
    training = quantised(a.quantised_from, a.ranges, a.pairs) if a.quantised_from else trained(a.checkpoint, a.train)
    boards = data.join([data.load(d) for d in a.data])
    founds, _ = detect(runner(a.model), boards, 0.005)
    ab = fit(boards.boxes, founds)
    scaled = [np.column_stack([f[:, :5], calibrated(f[:, 5], *ab)]) for f in founds]
    chosen = thresholds(boards.boxes, scaled)
    r = measure.report(boards.boxes, founds, [chosen[c] for c in CLASSES], ab)
    validation = dict(data=[named(d) for d in a.data], **{k: r[k] for k in VALIDATED})
    write(a.model, described(a.model, ab, chosen, r, training, validation))
    print(json.dumps(rounded({k: v for k, v in r.items() if k != "confusion"})))


if __name__ == "__main__":
    main()
