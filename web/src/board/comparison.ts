import { useEffect, useState } from 'react';
import type { CompareAsk } from './compare.worker.ts';
import type { Affine } from './registration.ts';
import type { Size } from './view.ts';

/** A board beside its template: how the template lies under it, and where they differ, as pixels. */
export interface Comparison {
  affine: Affine;
  picture: Uint8ClampedArray<ArrayBuffer>;
}

const KEPT = 16;
const made = new Map<string, Promise<Comparison>>();
const asked = new Map<number, (comparison: Comparison) => void>();
let worker: Worker | null = null;
let count = 0;

function ask(question: Omit<CompareAsk, 'id'>): Promise<Comparison> {
  if (!worker) {
    worker = new Worker(new URL('./compare.worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }: MessageEvent<Comparison & { id: number }>) => {
      asked.get(data.id)?.(data);
      asked.delete(data.id);
    };
  }
  const id = ++count;
  const answer = new Promise<Comparison>((resolve) => asked.set(id, resolve));
  worker.postMessage({ id, ...question } satisfies CompareAsk, [question.seen.buffer, question.golden.buffer]);
  return answer;
}

async function pixels(url: string, { width, height }: Size): Promise<Uint8ClampedArray<ArrayBuffer>> {
  const image = new Image();
  image.src = url;
  await image.decode();
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  context.drawImage(image, 0, 0, width, height);
  return context.getImageData(0, 0, width, height).data as Uint8ClampedArray<ArrayBuffer>;
}

async function compare(image: string, template: string, size: Size): Promise<Comparison> {
  const [seen, golden] = await Promise.all([pixels(image, size), pixels(template, size)]);
  return ask({ seen, golden, ...size });
}

/** Null until it is made, and where one of the pictures is missing or cannot be read. */
export function useComparison(image: string | null, template: string | null, size: Size): Comparison | null {
  const key = image && template ? `${image} ${template}` : null;
  const [shown, show] = useState<{ key: string; comparison: Comparison } | null>(null);
  useEffect(() => {
    if (!key || !image || !template) return;
    let gone = false;
    const making = made.get(key) ?? compare(image, template, size);
    made.set(key, making);
    for (const old of made.keys()) if (made.size > KEPT) made.delete(old);
    making.then(
      (comparison) => !gone && show({ key, comparison }),
      () => made.delete(key),
    );
    return () => {
      gone = true;
    };
  }, [key, image, template, size]);
  return shown && shown.key === key ? shown.comparison : null;
}
