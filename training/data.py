"""Reads a labelled folder of board pairs and keeps it as packed bits.

A folder holds `manifest.json`, a list of `{id, group, template, test, boxes: [{x1, y1, x2, y2, cls}]}` (pixels; cls 1..6
in the order of `model.CLASSES`), and 1-bit PNG pictures, copper black. That is the layout of our generator
(tools/make-boards.ts); one's own copy of DeepPCB has to be brought into it. A good board has an empty list of boxes.
"""
import hashlib
import json
import os
from dataclasses import dataclass

import cv2
import numpy as np


@dataclass
class Boards:
    """Pairs of one picture size. `bits` [P, 2, H, ceil(W/8)] packed, 1 = copper; 51 KB a picture of 640 x 640."""

    bits: np.ndarray
    width: int
    boxes: list  # per pair float32 [K, 5]: x1 y1 x2 y2 class index 0..5
    ids: list
    groups: list

    def __len__(self):
        return len(self.ids)

    def pair(self, i):
        """uint8 [2, H, W]: template, inspected."""
        return np.unpackbits(self.bits[i], axis=-1, count=self.width)


def read_copper(path):
    """1 where copper. The files hold copper black: anything under mid grey is copper."""
    grey = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
    if grey is None:
        raise FileNotFoundError(path)
    return (grey < 128).astype(np.uint8)


def fingerprint(folder):
    """sha256 of manifest.json: names the exact labelled set (the generator's manifest is a function of its seed)."""
    with open(os.path.join(folder, "manifest.json"), "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def load(folder, limit=None):
    """Boards of a folder, from the cache beside the pictures when it belongs to this manifest."""
    with open(os.path.join(folder, "manifest.json")) as f:
        records = json.load(f)
    if limit and limit < len(records):
        records = [records[i * len(records) // limit] for i in range(limit)]
    cache = os.path.join(folder, f"packed-{fingerprint(folder)[:12]}-{len(records)}.npy")
    if os.path.exists(cache):
        bits, width = np.load(cache), records[0]["width"]
    else:
        packed = []
        for r in records:
            pair = np.stack([read_copper(os.path.join(folder, r[k])) for k in ("template", "test")])
            width = pair.shape[-1]
            packed.append(np.packbits(pair, axis=-1))
        bits = np.stack(packed)
        np.save(cache, bits)
    boxes = [np.array([[b["x1"], b["y1"], b["x2"], b["y2"], b["cls"] - 1] for b in r["boxes"]], np.float32).reshape(-1, 5)
             for r in records]
    return Boards(bits, width, boxes, [r["id"] for r in records], [r.get("group", "") for r in records])


def join(sets):
    """One set out of several of the same picture size."""
    return Boards(np.concatenate([s.bits for s in sets]), sets[0].width, sum((s.boxes for s in sets), []),
                  sum((s.ids for s in sets), []), sum((s.groups for s in sets), []))


def only(boards, at):
    """The pairs at these indices."""
    return Boards(boards.bits[at], boards.width, [boards.boxes[i] for i in at], [boards.ids[i] for i in at], [boards.groups[i] for i in at])


def without(boards, groups):
    """The pairs of all other boards. Refuses a name that no pair carries: a fold that leaves nothing out tests what it trained on."""
    unknown = set(groups) - set(boards.groups)
    if unknown:
        raise ValueError(f"no such board: {sorted(unknown)}")
    return only(boards, [i for i, g in enumerate(boards.groups) if g not in groups]) if groups else boards
