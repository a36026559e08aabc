import type { Box } from '../../src/contracts/primitives.ts';

/** A labelled defect or a found one. Boxes in pixels of the inspected picture. */
export interface Label {
  class: string;
  box: Box;
}
export interface Found extends Label {
  /** Calibrated, 0 to 1. */
  score: number;
}
export interface Judged {
  group: string;
  labels: readonly Label[];
  found: readonly Found[];
}

export function overlap(one: Box, other: Box): number {
  const width = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  const height = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / (one.width * one.height + other.width * other.height - shared);
}

const touches = (one: Box, other: Box): boolean =>
  one.x < other.x + other.width && other.x < one.x + one.width && one.y < other.y + other.height && other.y < one.y + one.height;

const byScore = (one: Found, other: Found): number => other.score - one.score;

/**
 * Matching of the official DeepPCB script (evaluation/script.py, after ICDAR 2015): labels in order, boxes by falling score, the first free pair
 * over the threshold is matched whatever its class, then counted right only if the class agrees. Returns per box whether it is right.
 */
export function officialHits(labels: readonly Label[], found: readonly Found[], iou = 0.33): boolean[] {
  const matched = new Array<number>(found.length).fill(-1);
  labels.forEach((label, l) => {
    const f = found.findIndex((candidate, index) => matched[index] === -1 && overlap(label.box, candidate.box) > iou);
    if (f >= 0) matched[f] = l;
  });
  return found.map((candidate, index) => matched[index] !== -1 && labels[matched[index] ?? -1]?.class === candidate.class);
}

/** "mAP" of the official script: the sum of the precision at each hit over the number of labels, one curve over all classes pooled. */
export function officialAp(pairs: readonly Judged[]): number {
  const boxes: { score: number; hit: boolean }[] = [];
  let labels = 0;
  for (const pair of pairs) {
    const found = [...pair.found].sort(byScore);
    const hits = officialHits(pair.labels, found);
    found.forEach((candidate, index) => {
      boxes.push({ score: candidate.score, hit: hits[index] ?? false });
    });
    labels += pair.labels.length;
  }
  let right = 0;
  let sum = 0;
  boxes
    .sort((one, other) => other.score - one.score)
    .forEach((box, index) => {
      if (!box.hit) return;
      right += 1;
      sum += right / (index + 1);
    });
  return labels === 0 ? 0 : sum / labels;
}

/** VOC average precision of one class (2010 and later: area under the precision envelope); a box takes the free label it overlaps most. */
function classAp(pairs: readonly Judged[], name: string, iou: number): number | null {
  const boxes: { score: number; hit: boolean }[] = [];
  let count = 0;
  for (const pair of pairs) {
    const labels = pair.labels.filter((label) => label.class === name);
    count += labels.length;
    const taken = new Set<number>();
    for (const candidate of pair.found.filter((box) => box.class === name).sort(byScore)) {
      let best = -1;
      let most = iou;
      labels.forEach((label, index) => {
        const shared = overlap(label.box, candidate.box);
        if (!taken.has(index) && shared > most) [best, most] = [index, shared];
      });
      if (best >= 0) taken.add(best);
      boxes.push({ score: candidate.score, hit: best >= 0 });
    }
  }
  if (count === 0) return null;
  boxes.sort((one, other) => other.score - one.score);
  let right = 0;
  const precision = boxes.map((box, index) => {
    if (box.hit) right += 1;
    return right / (index + 1);
  });
  let envelope = 0;
  let area = 0;
  for (let index = boxes.length - 1; index >= 0; index -= 1) {
    envelope = Math.max(envelope, precision[index] ?? 0);
    if (boxes[index]?.hit) area += envelope;
  }
  return area / count;
}

export function meanAp(pairs: readonly Judged[], iou: number): number {
  const names = [...new Set(pairs.flatMap((pair) => pair.labels.map((label) => label.class)))];
  const figures = names.map((name) => classAp(pairs, name, iou)).filter((figure) => figure !== null);
  return figures.length === 0 ? 0 : figures.reduce((sum, figure) => sum + figure, 0) / figures.length;
}

/** |mean score - share right| over 15 equal bins, weighted by their boxes (expected calibration error); boxes from 0.05 up. */
export function calibrationError(pairs: readonly Judged[], bins = 15): number {
  const table = Array.from({ length: bins }, () => ({ boxes: 0, score: 0, right: 0 }));
  let total = 0;
  for (const pair of pairs) {
    const found = [...pair.found].sort(byScore);
    const hits = officialHits(pair.labels, found);
    found.forEach((candidate, index) => {
      if (candidate.score < 0.05) return;
      const bin = table[Math.min(bins - 1, Math.floor(candidate.score * bins))];
      if (!bin) return;
      bin.boxes += 1;
      bin.score += candidate.score;
      bin.right += hits[index] ? 1 : 0;
      total += 1;
    });
  }
  return total === 0 ? 0 : table.reduce((sum, bin) => sum + Math.abs(bin.score - bin.right) / total, 0);
}

export interface Figures {
  pairs: number;
  ap: number;
  f1: number;
  map33: number;
  map50: number;
  escapes: number;
  false_calls_per_picture: number;
  ece: number;
}

/**
 * All figures of a set. `thresholds` (calibrated, per class) turn candidates into calls for F, escapes (labels touched by no call) and false calls
 * (calls that touch no label).
 */
export function figures(pairs: readonly Judged[], thresholds: Readonly<Record<string, number>>): Figures {
  let calls = 0;
  let right = 0;
  let labels = 0;
  let escaped = 0;
  let falseCalls = 0;
  for (const pair of pairs) {
    const called = pair.found.filter((box) => box.score >= (thresholds[box.class] ?? 1)).sort(byScore);
    calls += called.length;
    labels += pair.labels.length;
    right += officialHits(pair.labels, called).filter(Boolean).length;
    escaped += pair.labels.filter((label) => !called.some((box) => touches(label.box, box.box))).length;
    falseCalls += called.filter((box) => !pair.labels.some((label) => touches(label.box, box.box))).length;
  }
  const precision = calls === 0 ? 0 : right / calls;
  const recall = labels === 0 ? 0 : right / labels;
  return {
    pairs: pairs.length,
    ap: officialAp(pairs),
    f1: precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall),
    map33: meanAp(pairs, 0.33),
    map50: meanAp(pairs, 0.5),
    escapes: labels === 0 ? 0 : escaped / labels,
    false_calls_per_picture: pairs.length === 0 ? 0 : falseCalls / pairs.length,
    ece: calibrationError(pairs),
  };
}
