"""ONE network of several trainings' averaged weights (opinions.py tells what that gives), written as a checkpoint like theirs.

    python training/average.py --of /tmp/folds1 /tmp/folds2 /tmp/folds3 --out /tmp/folds

`--of`: folders of train.py, or of folds.py, whose folds are then averaged one by one; `folds.py --out` judges the mean as it judges any.
All have begun from the same weights.
"""
import argparse
import glob
import os

import torch

from opinions import mean_of
from train import save

if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--of", nargs="+", required=True)
    p.add_argument("--out", required=True)
    a = p.parse_args()
    for path in glob.glob(os.path.join(a.of[0], "**", "last.pt"), recursive=True):
        name = os.path.relpath(path, a.of[0])
        states = [torch.load(os.path.join(of, name), map_location="cpu") for of in a.of]
        assert all(s["data"] == states[0]["data"] and s["left_out"] == states[0]["left_out"] for s in states), name
        out = os.path.join(a.out, os.path.dirname(name))
        os.makedirs(out, exist_ok=True)
        save(os.path.join(out, "last.pt"), ema=mean_of([s["ema"] for s in states]), **{k: states[0][k] for k in ("data", "pairs", "left_out")},
             **{k: sum(s[k] for s in states) for k in ("spent", "crops")})
        open(os.path.join(out, "done"), "w").close()
