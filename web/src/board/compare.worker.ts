import { copper, difference, paintDifference } from './difference.ts';
import { laidUnder, register } from './registration.ts';

/** Compares off the main thread: a quarter of a second of sums must not stop a hand that pans. */
export interface CompareAsk {
  id: number;
  seen: Uint8ClampedArray<ArrayBuffer>;
  golden: Uint8ClampedArray<ArrayBuffer>;
  width: number;
  height: number;
}

self.onmessage = ({ data }: MessageEvent<CompareAsk>) => {
  const { id, width, height } = data;
  const seen = copper(data.seen);
  const golden = copper(data.golden);
  const affine = register(seen, golden, width, height);
  const under = laidUnder(golden, width, height, affine);
  const picture = new Uint8ClampedArray(width * height * 4);
  paintDifference(picture, under, difference(seen, under, width, height), width);
  self.postMessage({ id, affine, picture }, { transfer: [picture.buffer] });
};
