"""Trains PairNet on labelled folders within a budget of minutes or epochs; stops and goes on from its last checkpoint.

    python training/train.py --data /tmp/boards-train --out /tmp/pairnet --minutes 60
    python training/train.py --data /tmp/boards-train --out /tmp/pairnet --epochs 80 --device cuda --workers 4

AdamW under a one-cycle rate that follows the processor time spent (of all threads; neither steps nor the clock: the machine is
shared, and the training may be paused), gradient clip 5, moving
average of the weights 0.998 (that average is what is exported). On a CPU with AMX, `--bf16` is 1.7 times as fast.

With `--epochs` (one is two crops a pair) the rate follows the crops seen, and minutes are told by the clock. `--device cuda` trains on
an accelerator; its checkpoints load without one. `--workers` processes make the crops meanwhile, the same ones for the same seed and number.
"""
import argparse
import copy
import json
import math
import os
import time

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

import augment
import data
import start
from loss import loss, targets
from model import PairNet


def rate(done, peak):
    """Learning rate at the fraction `done` of the budget: cosine from peak/10 up within 10 %, then down to peak/500."""
    if done < 0.1:
        return peak * (0.1 + 0.9 * (1 - math.cos(math.pi * done / 0.1)) / 2)
    return peak * (0.002 + 0.998 * (1 + math.cos(math.pi * min((done - 0.1) / 0.9, 1))) / 2)


def batches(boards, rng, size, count, good, drawn):
    """Endless batches; every pair is drawn once before any is drawn again."""
    order = []
    while True:
        crops = []
        while len(crops) < count:
            if not order:
                order = list(rng.permutation(len(boards)))
            crops.append(augment.sample(rng, boards, order.pop(), size, good, drawn))
        goal = [targets(boxes, size) for _, boxes in crops]
        yield torch.from_numpy(np.stack([p for p, _ in crops])), [torch.from_numpy(np.stack(t)) for t in zip(*goal)]


class Made(IterableDataset):
    """Batches of worker processes, which take turns; each has its own seed and draws every pair once before any again."""

    def __init__(self, boards, seed, *how):
        self.boards, self.seed, self.how = boards, seed, how

    def __iter__(self):
        cv2.setNumThreads(1)
        return batches(self.boards, np.random.default_rng([self.seed, get_worker_info().id]), *self.how)


def average(ema, net, keep):
    pairs = list(zip(ema.state_dict().values(), net.state_dict().values()))
    means, news = zip(*[(a, b) for a, b in pairs if a.dtype.is_floating_point])
    torch._foreach_mul_(means, keep)
    torch._foreach_add_(means, news, alpha=1 - keep)
    for a, b in pairs:
        if not a.dtype.is_floating_point:
            a.copy_(b)


def save(path, **state):
    torch.save(state, path + ".part")
    os.replace(path + ".part", path)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--data", nargs="+", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--minutes", type=float, default=60)
    p.add_argument("--epochs", type=float, help="the budget in place of minutes; an epoch is two crops a pair")
    p.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    p.add_argument("--workers", type=int, default=0, help="processes that make the crops; 0: this one does")
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--crop", type=int, default=320)
    p.add_argument("--peak", type=float, default=4e-3)
    p.add_argument("--good", type=float, default=0.08)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--bf16", action="store_true")
    p.add_argument("--drawn", type=float, default=0.6, help="share of crops that get extra defects drawn on them")
    p.add_argument("--without", nargs="*", default=[], metavar="GROUP", help="boards that are left out (the rest of a fold)")
    p.add_argument("--start", help="weights to begin with: a checkpoint of another run, or a model.onnx")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    os.makedirs(a.out, exist_ok=True)
    boards = data.without(data.join([data.load(d) for d in a.data]), a.without)
    prints = {os.path.basename(d.rstrip("/")): data.fingerprint(d) for d in a.data}
    net = PairNet().to(a.device, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(net.parameters(), lr=a.peak, weight_decay=0.01)
    path, spent, seen = os.path.join(a.out, "last.pt"), 0.0, 0
    if a.start:
        net.load_state_dict(start.weights(a.start, np.stack([boards.pair(i) for i in range(0, len(boards), -(-len(boards) // 24))])))
    ema = copy.deepcopy(net).eval()
    if os.path.exists(path):
        c = torch.load(path, map_location="cpu")
        net.load_state_dict(c["net"]), ema.load_state_dict(c["ema"]), optimiser.load_state_dict(c["optimiser"])
        spent, seen = c["spent"], c["seen"]
    seed, how = a.seed * 1_000_003 + seen, (a.crop, a.batch, a.good, a.drawn)
    if a.workers:
        made = DataLoader(Made(boards, seed, *how), batch_size=None, num_workers=a.workers, prefetch_factor=4, pin_memory=a.device == "cuda")
    else:
        made = batches(boards, np.random.default_rng(seed), *how)
    net.train()
    tell = time.monotonic if a.epochs else time.process_time
    used, budget = lambda: seen if a.epochs else spent, 2 * len(boards) * a.epochs if a.epochs else a.minutes * 60 * a.threads
    clock, mark, total, n = tell(), tell(), 0.0, 0
    for pair, goal in made:
        if used() >= budget:
            break
        for g in optimiser.param_groups:
            g["lr"] = rate(used() / budget, a.peak)
        pair = pair.to(a.device, non_blocking=True).float().contiguous(memory_format=torch.channels_last)
        goal = [t.to(a.device, non_blocking=True) for t in goal]
        with torch.autocast(a.device, dtype=torch.bfloat16, enabled=a.bf16):
            logits, log_ltrb = net(pair)
        value = loss(logits.float(), log_ltrb.float(), goal)
        optimiser.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5)
        optimiser.step()
        seen += len(pair)
        step = seen // a.batch
        with torch.no_grad():
            average(ema, net, min(0.998, (1 + step) / (10 + step)))
        now = tell()
        spent, clock = spent + now - clock, now
        total, n = total + value.item(), n + 1
        if now - mark > 60 or used() >= budget:
            print(json.dumps({"minutes": round(spent / 60, 1), "epochs": round(seen / len(boards) / 2, 2), "loss": round(total / n, 4),
                              "crops_per_s": round(n * a.batch / (now - mark), 1)}), flush=True)
            save(path, net=net.state_dict(), ema=ema.state_dict(), optimiser=optimiser.state_dict(), spent=spent, seen=seen, data=prints,
                 crops=seen, pairs=len(boards), left_out=a.without)
            mark, total, n, clock = tell(), 0.0, 0, tell()


if __name__ == "__main__":
    main()
