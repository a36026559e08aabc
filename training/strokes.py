"""Draws extra defects on a crop of our own boards: brush strokes, blobs and sprays of either phase.

The generator's boards carry the true variety of layouts; strokes add variety of shapes at no cost in disk. The class
follows from topology alone: a change that touches the other phase nowhere is a pin-hole (or copper), in one place a
mousebite (or spur), in two or more places an open (or short). All lengths are pixels at 48 px/mm.
"""
import cv2
import numpy as np

NAMES = {(0, "hole"): 5, (0, "bite"): 2, (0, "cut"): 0, (1, "hole"): 4, (1, "bite"): 3, (1, "cut"): 1}  # (adds copper, kind)
SMALL, LARGE = np.ones((3, 3), np.uint8), np.ones((5, 5), np.uint8)


def curve(rng, start, heading, length):
    """Points 1.5 px apart along a gently bent line."""
    n = max(int(length / 1.5), 2)
    bend = rng.normal(0, 0.5 / max(length, 8)) + rng.normal(0, 0.06, n).cumsum() * 0.2
    angle = heading + np.cumsum(np.broadcast_to(bend, n))
    return start + 1.5 * np.cumsum(np.stack([np.cos(angle), np.sin(angle)], 1), 0)


def arc(rng, a, b):
    """Points of a bow from a to b."""
    t = np.linspace(0, 1, max(int(np.hypot(*(b - a)) / 1.5), 2))[:, None]
    side = np.array([-(b - a)[1], (b - a)[0]])
    mid = (a + b) / 2 + side * rng.normal(0, 0.12)
    return (1 - t) ** 2 * a + 2 * t * (1 - t) * mid + t ** 2 * b


def brush(rng, shape, points, thick, spray):
    """uint8 masks (changed, outline) of a stroke; they differ for a spray of dots."""
    mask = np.zeros(shape, np.uint8)
    if spray:
        for x, y in points[rng.integers(len(points), size=int(len(points) * rng.uniform(0.8, 2.0)) + 4)] + rng.normal(0, thick / 2.5, (1, 1)):
            dx, dy = rng.normal(0, thick / 2, 2)
            cv2.circle(mask, (int(x + dx), int(y + dy)), int(rng.integers(0, 2)), 1, -1)
        return mask, cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    r = thick / 2 * np.clip(1 + rng.normal(0, 0.15, len(points)), 0.6, 1.5)
    for (x, y), q in zip(points, r):
        cv2.circle(mask, (round(x * 8), round(y * 8)), round(q * 8), 1, -1, shift=3)
    return mask, mask


def reach(depth, at, angle, limit=110):
    """Distance from `at` along `angle` to the end of the phase, by steps as long as the distance transform allows."""
    d, (c, s), (h, w) = 0.0, (np.cos(angle), np.sin(angle)), depth.shape
    while d < limit:
        x, y = int(at[0] + d * c), int(at[1] + d * s)
        if not (0 <= x < w and 0 <= y < h):
            return limit
        if depth[y, x] < 0.5:
            return d
        d += max(depth[y, x] - 0.5, 1.0)
    return limit


def path(rng, kind, depth):
    """Points and thickness of a stroke of `kind` in the phase whose distance transform is `depth`, or None."""
    at = np.flatnonzero({"hole": depth > 4.5, "bite": (depth > 0) & (depth < 1.5), "cut": (depth > 2.5) & (depth < 48)}[kind])
    if not len(at):
        return None
    y, x = divmod(int(at[rng.integers(len(at))]), depth.shape[1])
    p = np.array([x, y], float)
    if kind == "hole":
        room = float(depth[y, x])
        if rng.random() < 0.4:
            return curve(rng, p, rng.uniform(0, 7), 4), min(rng.uniform(4, 16) if rng.random() < 0.8 else rng.uniform(16, 40), 2 * room - 5)
        length = rng.gamma(2.5, 6) + 3 if rng.random() < 0.75 else rng.uniform(25, 65)
        return curve(rng, p, rng.uniform(0, 7), length), min(rng.uniform(3, 7.5), 2 * room - 5)
    if kind == "bite":
        b = depth[max(y - 3, 0):y + 4, max(x - 3, 0):x + 4]
        if b.shape != (7, 7):
            return None
        grid = np.arange(-3, 4)
        inward = np.arctan2((b * grid[:, None]).sum(), (b * grid).sum())
        heading = inward + rng.normal(0, 0.6)
        start = p - rng.uniform(0, 3.5) * np.array([np.cos(heading), np.sin(heading)])
        length = 4.5 + rng.gamma(3, 3) if rng.random() < 0.85 else rng.uniform(20, 45)
        return curve(rng, start, heading, length), rng.uniform(3, 7) if rng.random() < 0.75 else rng.uniform(7, 16)
    turn = rng.uniform(0, np.pi)
    best = None
    for angle in turn + np.arange(12) * np.pi / 12:
        a, b = reach(depth, p, angle), reach(depth, p, angle + np.pi)
        cost = (a + b) * rng.lognormal(0, 0.15)
        if a + b < 110 and (best is None or cost < best[0]):
            best = cost, a, b, angle
    if best is None:
        return None
    _, a, b, angle = best
    u = np.array([np.cos(angle), np.sin(angle)])
    over = rng.uniform(1.5, 4)
    thick = rng.uniform(3, 8) if rng.random() < 0.7 else rng.uniform(6, 8 + 0.3 * (a + b))
    return arc(rng, p + (a + over) * u, p - (b + over) * u), thick


def places(outline, other, kernel):
    """In how many places a change touches the other phase."""
    return cv2.connectedComponents(cv2.dilate(outline, kernel) & other, connectivity=8)[0] - 1


def draw(rng, plane, taken, depths):
    """Draws one defect on `plane` (uint8, 1 = copper) in place, clear of the boxes `taken`. -> box [5] or None.

    `depths`: distance transforms of copper and of laminate as they were before the first defect of this crop.
    """
    adds, kind = int(rng.integers(2)), ("hole", "bite", "cut")[rng.integers(3)]
    phase = plane ^ adds
    depth = depths[adds]
    spray = rng.random() < 0.06
    for _ in range(6):
        found = path(rng, kind, depth)
        if found is None:
            continue
        points, thick = found
        x, y = points[:, 0], points[:, 1]
        pad, (h, w) = thick + 12, plane.shape
        x1, y1, x2, y2 = int(x.min() - pad), int(y.min() - pad), int(x.max() + pad) + 1, int(y.max() + pad) + 1
        if thick < 2.5 or x1 < 0 or y1 < 0 or x2 > w or y2 > h:
            continue
        if len(taken) and ((taken[:, 0] < x2) & (taken[:, 2] > x1) & (taken[:, 1] < y2) & (taken[:, 3] > y1)).any():
            continue
        part = phase[y1:y2, x1:x2]
        changed, outline = brush(rng, part.shape, points - (x1, y1), thick, spray)
        changed &= part
        outline = outline & part
        near, far = (places(outline, 1 - part, k) for k in (SMALL, LARGE))
        deep = float((depth[y1:y2, x1:x2] * changed).max())
        right = {"hole": near == far == 0, "bite": near == far == 1 and deep > 2.5, "cut": near > 1 and far > 1}[kind]
        if not right or changed.sum() < 10:
            continue
        plane[y1:y2, x1:x2] ^= changed
        rows, cols = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
        m = rng.uniform(8, 12, 4)
        return np.array([x1 + cols[0] - m[0], y1 + rows[0] - m[1], x1 + cols[-1] + 1 + m[2], y1 + rows[-1] + 1 + m[3],
                         NAMES[adds, kind]], np.float32)
    return None


def add(rng, plane, boxes, most=4):
    """Up to `most` more defects on `plane` (changed in place). -> boxes with theirs."""
    depths = [cv2.distanceTransform(plane ^ k, cv2.DIST_L2, 3) for k in (0, 1)]
    for _ in range(rng.integers(1, most + 1)):
        box = draw(rng, plane, boxes, depths)
        if box is not None:
            boxes = np.concatenate([boxes, box[None]])
    return boxes
