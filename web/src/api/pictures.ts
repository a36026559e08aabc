import { useEffect, useState } from 'react';
import type { Artifact } from '../../../src/contracts/artifacts.ts';
import { type Api, ApiProblem } from './client.ts';
import { usePlatform } from './context.ts';

/** Pictures need the bearer token, so `<img src>` cannot fetch them: they are read once and shown from memory. */
export interface Pictures {
  /** Object address of the bytes at `path`. Shared by all who hold it; the last to let go aborts a running read. */
  hold(path: string): { url: Promise<string>; release(): void };
}

interface Held {
  url: Promise<string>;
  holders: number;
  abort: AbortController;
  done: string | null;
}

/** Pictures nobody looks at any more that are kept for coming back, newest last. */
const KEPT = 120;

/** The platform draws one heat at a time for all screens: one that finds it busy comes again after this long, so often. */
const HEAT_AGAIN = 1_500;
const HEAT_TRIES = 4;

export function createPictures(api: Api): Pictures {
  const held = new Map<string, Held>();
  let heats: Promise<unknown> = Promise.resolve();

  async function readHeat(path: string, signal: AbortSignal): Promise<Blob> {
    for (let tried = 1; ; tried += 1) {
      signal.throwIfAborted();
      try {
        return await api.blob(path, { signal });
      } catch (error) {
        if (!(error instanceof ApiProblem) || error.status !== 503 || tried === HEAT_TRIES) throw error;
        await new Promise((resolve) => window.setTimeout(resolve, HEAT_AGAIN));
      }
    }
  }
  /** Heats one after another; everything else at once. */
  function read(path: string, signal: AbortSignal): Promise<Blob> {
    if (!path.startsWith('/v1/operations/')) return api.blob(path, { signal });
    const reading = heats.then(() => readHeat(path, signal));
    heats = reading.catch(() => undefined);
    return reading;
  }

  function open(path: string): Held {
    const abort = new AbortController();
    const entry: Held = { holders: 0, abort, done: null, url: Promise.resolve('') };
    entry.url = read(path, abort.signal).then((blob) => {
      entry.done = URL.createObjectURL(blob);
      return entry.done;
    });
    entry.url.catch(() => {
      if (held.get(path) === entry) held.delete(path);
    });
    held.set(path, entry);
    return entry;
  }

  function trim(): void {
    for (const [path, entry] of held) {
      if (held.size <= KEPT) return;
      if (entry.holders > 0 || !entry.done) continue;
      URL.revokeObjectURL(entry.done);
      held.delete(path);
    }
  }

  return {
    hold(path) {
      const entry = held.get(path) ?? open(path);
      held.delete(path);
      held.set(path, entry);
      entry.holders++;
      let released = false;
      return {
        url: entry.url,
        release() {
          if (released) return;
          released = true;
          entry.holders--;
          if (entry.holders === 0 && !entry.done) {
            entry.abort.abort();
            if (held.get(path) === entry) held.delete(path);
          }
          trim();
        },
      };
    },
  };
}

export const artifactPath = (artifact: Pick<Artifact, 'id'>) => `/v1/artifacts/${artifact.id}/content`;
export const templatePath = (product: string, revision: string) =>
  `/v1/products/${encodeURIComponent(product)}/revisions/${encodeURIComponent(revision)}/template`;

/** Where the heat of a model's run is drawn: how sure it was of a defect, place by place. */
export const heatPath = (operation: string) => `/v1/operations/${operation}/heat`;

/** `status` is what the platform answered instead of the picture, 0 when it was out of reach. */
export type Picture =
  | { state: 'none' | 'loading'; url: null }
  | { state: 'failed'; url: null; status: number }
  | { state: 'ready'; url: string };
const NONE: Picture = { state: 'none', url: null };
const LOADING: Picture = { state: 'loading', url: null };

/** The picture at `path`, or none while there is no path. Never shows the picture of an earlier path. */
export function usePicture(path: string | null): Picture {
  const { pictures } = usePlatform();
  const [shown, show] = useState<{ path: string | null; picture: Picture }>({ path: null, picture: NONE });
  useEffect(() => {
    if (!path) return;
    let gone = false;
    const { url, release } = pictures.hold(path);
    url.then(
      (ready) => !gone && show({ path, picture: { state: 'ready', url: ready } }),
      (error) => !gone && show({ path, picture: { state: 'failed', url: null, status: error instanceof ApiProblem ? error.status : 0 } }),
    );
    return () => {
      gone = true;
      release();
    };
  }, [path, pictures]);
  if (!path) return NONE;
  return shown.path === path ? shown.picture : LOADING;
}
