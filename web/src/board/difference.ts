/** Copper is dark. */
const DARK = 128;
/** Edges of two scans of one board wander by a pixel or two: a difference thinner than three pixels is none. */
const THIN = 1;

/** 1 where the picture is copper. `rgba` as in `ImageData`. */
export function copper(rgba: Uint8ClampedArray): Uint8Array {
  const out = new Uint8Array(rgba.length / 4);
  for (let i = 0; i < out.length; i++) {
    const at = i * 4;
    out[i] = rgba[at]! * 0.299 + rgba[at + 1]! * 0.587 + rgba[at + 2]! * 0.114 < DARK ? 1 : 0;
  }
  return out;
}

function spreadAlong(from: Uint8Array, count: number, length: number, step: number, stride: number, radius: number): Uint8Array {
  const out = new Uint8Array(from.length);
  for (let row = 0; row < count; row++) {
    const start = row * stride;
    let until = -1;
    for (let i = 0; i < length + radius; i++) {
      if (i < length && from[start + i * step]) until = i + radius;
      const at = i - radius;
      if (at >= 0 && until >= at && until - 2 * radius <= at) out[start + at * step] = 1;
    }
  }
  return out;
}

/** Grows copper by `radius` pixels in each direction (a square). */
export function grown(from: Uint8Array, width: number, height: number, radius: number): Uint8Array {
  return spreadAlong(spreadAlong(from, height, width, 1, width, radius), width, height, width, 1, radius);
}

/** Leaves what is at least `2 * radius + 1` pixels wide in both directions, in its own shape. */
function opened(mask: Uint8Array, width: number, height: number, radius: number): Uint8Array {
  const ground = grown(
    mask.map((cell) => 1 - cell),
    width,
    height,
    radius,
  );
  return grown(
    ground.map((cell) => 1 - cell),
    width,
    height,
    radius,
  );
}

/** 1 where the inspected board has copper that the template has not, 2 where copper is missing, 0 where both agree. */
export function difference(inspected: Uint8Array, template: Uint8Array, width: number, height: number): Uint8Array {
  const extra = opened(
    inspected.map((is, i) => (is && !template[i] ? 1 : 0)),
    width,
    height,
    THIN,
  );
  const missing = opened(
    template.map((is, i) => (is && !inspected[i] ? 1 : 0)),
    width,
    height,
    THIN,
  );
  return extra.map((is, i) => (is ? 1 : missing[i] ? 2 : 0));
}

/**
 * The picture of a difference: the template faint, extra copper full red, missing copper a red lattice (a shape, so that
 * the two are told apart without colour).
 */
export function paintDifference(into: Uint8ClampedArray, template: Uint8Array, differs: Uint8Array, width: number): void {
  for (let i = 0; i < differs.length; i++) {
    const lattice = differs[i] === 2 && ((i % width) + Math.floor(i / width)) % 2 === 0;
    const red = differs[i] === 1 || lattice;
    const ground = template[i] ? 205 : 250;
    into[i * 4] = red ? 200 : ground;
    into[i * 4 + 1] = red ? 16 : ground;
    into[i * 4 + 2] = red ? 40 : ground;
    into[i * 4 + 3] = 255;
  }
}
