import type { Limiter, SharedLimit, Takings } from '../http/limits.ts';

/** A way on which those that keep a limit together tell each other what they gave. */
export interface LimitChannel {
  /** Hands it to the others; nothing is waited for, and what cannot be told now is dropped. */
  tell(limit: string, takings: Takings): void;
  /** Called once, before anything is told. What is heard is of others alone. */
  hear(fn: (limit: string, takings: Takings) => void): void;
}

export interface LimitSharing {
  /** What is taken of this limiter counts wherever one of that name is shared. */
  add(name: string, limiter: Limiter): void;
  stop(): void;
}

/** How late the others hear what was taken here: what a client may get too much at the edge of a burst, and pays back after it (milliseconds). */
const TAKINGS_MS = 100;

/** Keeps limits together over all of these channels, none of which leads to the same process as another. Without one a limiter does not even count for it. */
export function shareLimits(channels: readonly LimitChannel[]): LimitSharing {
  if (channels.length === 0) return { add: () => {}, stop: () => {} };
  const limits = new Map<string, SharedLimit>();
  for (const channel of channels)
    channel.hear((limit, takings) => {
      for (const [key, count] of takings) limits.get(limit)?.charge(key, count);
    });
  const timer = setInterval(() => {
    for (const [name, limit] of limits) {
      const takings = limit.takings();
      if (takings.length > 0) for (const channel of channels) channel.tell(name, takings);
    }
  }, TAKINGS_MS).unref();
  return {
    add: (name, limiter) => void limits.set(name, limiter.share()),
    stop: () => clearInterval(timer),
  };
}
