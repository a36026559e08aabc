"""Accuracy of boxes against labels, after DeepPCB's official protocol (evaluation/script.py of tangsanli5201/DeepPCB,
commit 08e98c4, itself after ICDAR 2015), and in the words of the line: escapes and false calls."""
import numpy as np

from detect import calibrated, overlap
from model import CLASSES


def match(truth, found, iou):
    """Official matching: labels in order, boxes by falling score, the first free pair over `iou` is matched REGARDLESS of
    class. -> per box the index of its label or -1."""
    of, taken = np.full(len(found), -1), set()
    if len(truth) and len(found):
        table = overlap(truth, found)
        for t in range(len(truth)):
            for f in range(len(found)):
                if of[f] < 0 and t not in taken and table[t, f] > iou:
                    of[f] = t
                    taken.add(t)
    return of


def official_ap(hits, scores, count):
    """Sum of the precision at each hit over the number of labels: ONE curve over all classes pooled."""
    hits = hits[np.argsort(-scores, kind="stable")]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].sum() / max(count, 1))


def voc_ap(hits, scores, count):
    """Area under the precision envelope (VOC 2010 and later)."""
    hits = hits[np.argsort(-scores, kind="stable")]
    tp = np.cumsum(hits)
    precision = np.maximum.accumulate((tp / np.arange(1, len(hits) + 1))[::-1])[::-1]
    return float(precision[hits].sum() / max(count, 1))


def class_ap(truths, founds, iou):
    """VOC average precision per class; a box takes the free label of its own class that it overlaps most."""
    out = []
    for c in range(len(CLASSES)):
        hits, scores, count = [], [], 0
        for truth, found in zip(truths, founds):
            t, f = truth[truth[:, 4] == c], found[found[:, 4] == c]
            count += len(t)
            table, free = overlap(f, t), np.ones(len(t), bool)
            for k in range(len(f)):
                best = int(np.argmax(np.where(free, table[k], -1))) if len(t) else -1
                hit = best >= 0 and free[best] and table[k, best] > iou
                hits.append(hit)
                scores.append(f[k, 5])
                if hit:
                    free[best] = False
        out.append(voc_ap(np.array(hits, bool), np.array(scores), count))
    return out


def calls(found, thresholds):
    """The boxes whose score reaches the threshold of their class."""
    return found[found[:, 5] >= np.asarray(thresholds)[found[:, 4].astype(int)]] if len(found) else found


def expected_error(p, right, bins=15):
    """Expected calibration error: |mean score - fraction right| over equal bins, weighted by their boxes."""
    at, total = np.minimum((p * bins).astype(int), bins - 1), 0.0
    for b in range(bins):
        if (at == b).any():
            total += abs(p[at == b].mean() - right[at == b].mean()) * (at == b).mean()
    return float(total)


def judged(truths, founds, iou=0.33):
    """Per box of all pairs: right (matched and of the right class), score, class."""
    hits, scores, names = [], [], []
    for truth, found in zip(truths, founds):
        of = match(truth, found, iou)
        hits += [bool(o >= 0 and truth[o, 4] == f[4]) for o, f in zip(of, found)]
        scores += list(found[:, 5])
        names += list(found[:, 4].astype(int))
    return np.array(hits, bool), np.array(scores), np.array(names, int)


def line(truths, founds, thresholds):
    """The line's words at the thresholds: `met` defects (IoU > 0.33 with a call of any class), `escapes` (touched by no
    call), `wrong_class` (matched by a call of another class), false calls (touching no defect) and good boards failed."""
    count = met = named = touched = wrong = false = boards = good = failed = right = made = 0
    confusion = np.zeros((len(CLASSES) + 1, len(CLASSES) + 1), int)
    per = {c: dict(labels=0, met=0, named=0, escapes=0, false_calls=0) for c in CLASSES}
    for truth, found in zip(truths, founds):
        f = calls(found, thresholds)
        of, table = match(truth, f, 0.33), overlap(truth, f)
        made, count = made + len(f), count + len(truth)
        for t in range(len(truth)):
            row, k = per[CLASSES[int(truth[t, 4])]], np.nonzero(of == t)[0]
            row["labels"] += 1
            row["met"] += len(k)
            confusion[int(truth[t, 4]), int(f[k[0], 4]) if len(k) else -1] += 1
            row["named"] += int(len(k) and f[k[0], 4] == truth[t, 4])
            row["escapes"] += not (table[t] > 0).any()
        lone = ~(table > 0).any(0) if len(truth) else np.ones(len(f), bool)
        for k in np.nonzero(lone)[0]:
            per[CLASSES[int(f[k, 4])]]["false_calls"] += 1
            confusion[-1, int(f[k, 4])] += 1
        false, boards = false + int(lone.sum()), boards + 1
        good, failed = good + (not len(truth)), failed + (not len(truth) and len(f) > 0)
    total = {k: sum(r[k] for r in per.values()) for k in ("labels", "met", "named", "escapes")}
    p, r = total["named"] / max(made, 1), total["named"] / max(count, 1)
    share = {k: total[k] / max(count, 1) for k in ("met", "named", "escapes")}
    return dict(f1=2 * p * r / max(p + r, 1e-9), precision=p, recall=r, met=share["met"],
                wrong_class=share["met"] - share["named"], escapes=share["escapes"], false_calls_per_picture=false / max(boards, 1),
                good_boards=good, good_boards_failed=failed / max(good, 1), per_class=per, confusion=confusion.tolist())


def report(truths, founds, thresholds, calibration):
    """Everything that evaluate.py prints of one set; scores of `founds` are raw, thresholds calibrated."""
    founds = [np.column_stack([f[:, :5], calibrated(f[:, 5], *calibration)]) for f in founds]
    hits, scores, _ = judged(truths, founds)
    count = sum(len(t) for t in truths)
    at33, at50 = class_ap(truths, founds, 0.33), class_ap(truths, founds, 0.5)
    blind = [np.column_stack([t[:, :4], np.zeros(len(t))]) for t in truths], [np.column_stack([f[:, :4], np.zeros(len(f)), f[:, 5]]) for f in founds]
    blind_hits, blind_scores, _ = judged(*blind)
    shown = scores >= 0.05
    out = dict(pairs=len(truths), ap=official_ap(hits, scores, count), ap_any_class=official_ap(blind_hits, blind_scores, count),
               map33=float(np.mean(at33)), map50=float(np.mean(at50)), ece=expected_error(scores[shown], hits[shown]))
    out.update(line(truths, founds, thresholds))
    out["ap33_per_class"] = dict(zip(CLASSES, at33))
    return out
