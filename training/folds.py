"""Cross-validation by board: one training a board that leaves that board out, then ONE pooled measure over all pairs,
each judged by the model that has not seen its board. Prints a line a fold and the pooled figures.

    python training/folds.py --data FOLDER_OF_DEEPPCB --out /tmp/folds --minutes 8 --start models/pcb-pair-synth/1/model.onnx

Choose by this figure, never by pairs that were trained on. Calibration and thresholds are pooled too (leave-one-board-out
Platt scaling: the pairs of the other boards, as their own folds judged them). Goes on where it stopped. What is not named
here (`--epochs`, `--device`, `--seed`) goes to train.py as it is.
"""
import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import calibrate
import data
import measure
from detect import calibrated, detect, runner
from evaluate import rounded
from model import CLASSES


def train(a, group, out, rest):
    if os.path.exists(os.path.join(out, "done")):
        return
    here = os.path.dirname(os.path.abspath(__file__))
    command = [sys.executable, os.path.join(here, "train.py"), "--data", a.data, "--out", out, "--minutes", str(a.minutes), "--without", group]
    subprocess.run(command + (["--start", a.start] if a.start else []) + rest, check=True)
    open(os.path.join(out, "done"), "w").close()


def judged_by_folds(a, rest):
    """Trains what is not trained yet -> boards, and per pair the raw boxes of the model that has not seen its board."""
    boards = data.load(a.data)
    founds, groups = [None] * len(boards), sorted(set(boards.groups))
    if a.at_once > 1:
        with ThreadPoolExecutor(a.at_once) as pool:
            list(pool.map(lambda group: train(a, group, os.path.join(a.out, group), rest), groups))
    for group in groups:
        out = os.path.join(a.out, group)
        train(a, group, out, rest)
        at = [i for i, g in enumerate(boards.groups) if g == group]
        found, _ = detect(runner(os.path.join(out, "last.pt")), data.only(boards, at), 0.005)
        for i, f in zip(at, found):
            founds[i] = f
        one = measure.report([boards.boxes[i] for i in at], found, [0.5] * len(CLASSES), (1.0, 0.0))
        print(json.dumps(rounded({"left_out": group, **{k: one[k] for k in ("pairs", "ap", "ap_any_class", "f1", "map33", "map50")}})), flush=True)
    return boards, founds


def levelled(boards, founds):
    """Scores of each board calibrated on the other boards' pairs: the folds' scores become one scale, and no pair calibrates itself."""
    out = [None] * len(boards)
    for group in sorted(set(boards.groups)):
        others = [i for i, g in enumerate(boards.groups) if g != group]
        scale = calibrate.fit([boards.boxes[i] for i in others], [founds[i] for i in others])
        for i, g in enumerate(boards.groups):
            if g == group:
                out[i] = np.column_stack([founds[i][:, :5], calibrated(founds[i][:, 5], *scale)])
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--minutes", type=float, default=8)
    p.add_argument("--start")
    p.add_argument("--at-once", type=int, default=1, metavar="N", help="folds trained side by side")
    p.add_argument("--model", metavar="ONNX", help="write the manifest.json of this file, trained on ALL pairs, with these folds' calibration, thresholds and figures")
    p.add_argument("--checkpoint", help="the training that --model was exported from")
    a, rest = p.parse_known_args()
    boards, founds = judged_by_folds(a, rest)
    scaled = levelled(boards, founds)
    chosen = calibrate.thresholds(boards.boxes, scaled)
    r = measure.report(boards.boxes, scaled, [chosen[c] for c in CLASSES], (1.0, 0.0))
    if a.model:
        import torch

        state = torch.load(a.checkpoint, map_location="cpu")
        training = dict(data=[calibrate.named(a.data)], crops=int(state["crops"]), minutes=round(state["spent"] / 60, 1),
                        source="DeepPCB training pairs, begun from pcb-pair-synth; research use only")
        validation = dict(data=[calibrate.named(a.data)], method="leave one board out, pooled", **{k: r[k] for k in calibrate.VALIDATED})
        manifest = calibrate.described(a.model, calibrate.fit(boards.boxes, founds), chosen, r, training, validation)
        calibrate.write(a.model, dict(manifest, use="research"))
    print(json.dumps(rounded({"pooled": True, "thresholds": chosen, **{k: v for k, v in r.items() if k != "confusion"}})))


if __name__ == "__main__":
    main()
