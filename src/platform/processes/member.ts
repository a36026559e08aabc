import type { Takings } from '../http/limits.ts';
import { ProblemError } from '../problem.ts';
import type { LimitChannel } from '../shared-state/share-limits.ts';
import type { Figures, Metrics } from '../telemetry/metrics.ts';
import { textOf } from './figures.ts';
import type { GroupState, ToMember, ToPrimary } from './messages.ts';

/** One process of a group, as it sees the others. */
export interface Member<Part> {
  readonly part: Part;
  readonly group: GroupState;
  serving(facts: unknown): void;
  /** Called once when the primary asks for it. */
  onLeave(fn: () => void): void;
  /**
   * Tells the others these figures when they ask. Answers how to get those of the whole group; of a process that is late, its last ones.
   * @param waitMs how long the primary may take; the scrape is then refused, because figures of a part would look like counters that fell
   * @throws ProblemError service_unavailable
   */
  shareFigures(metrics: Metrics, waitMs?: number): () => Promise<{ contentType: string; text: string }>;
  /** By the primary, to and from the other processes. */
  readonly limits: LimitChannel;
}

/** The primary answers after 0.8 s at most, whatever the others do; a scraper waits for ten. */
const ALL_MS = 5000;

const say = (message: ToPrimary) => {
  if (process.connected) process.send?.(message);
};

/** Asks the primary what this process is to do. Without a primary any more the process is ended by `node:cluster` itself. */
export async function joinGroup<Part>(): Promise<Member<Part>> {
  let heard: (limit: string, takings: Takings) => void = () => {};
  const waiting = new Map<number, (figures: readonly Figures[]) => void>();
  const assigned = Promise.withResolvers<Part>();
  let group: GroupState = { wanted: 1, serving: 0, restarted: 0 };
  let tell: (() => Promise<Figures>) | undefined;
  let leave: (() => void) | undefined;
  let leaving = false;
  let serial = 0;

  process.on('message', (message: ToMember) => {
    switch (message.kind) {
      case 'assigned':
        return assigned.resolve(message.part as Part);
      case 'group':
        group = message.state;
        return;
      case 'there':
        return say({ kind: 'here' });
      case 'tell':
        void tell?.().then(
          (figures) => say({ kind: 'figures', id: message.id, figures }),
          () => {},
        );
        return;
      case 'all':
        return waiting.get(message.id)?.(message.figures);
      case 'taken':
        return heard(message.limit, message.takings);
      case 'leave':
        leaving = true;
        leave?.();
    }
  });
  say({ kind: 'hello' });
  const part = await assigned.promise;

  return {
    part,
    get group() {
      return group;
    },
    serving: (facts) => say({ kind: 'serving', facts }),
    onLeave(fn) {
      leave = fn;
      if (leaving) fn();
    },
    shareFigures(metrics, waitMs = ALL_MS) {
      tell = () => metrics.figures();
      return async () => {
        const id = ++serial;
        const { promise: told, resolve, reject } = Promise.withResolvers<readonly Figures[]>();
        const late = () =>
          reject(new ProblemError('service_unavailable', { detail: 'The figures of the other processes do not come', retryAfter: 1 }));
        const timer = setTimeout(late, waitMs);
        waiting.set(id, resolve);
        say({ kind: 'ask', id });
        try {
          const [own, others] = await Promise.all([metrics.figures(), told]);
          // Should this process die, its counters stay in the sum.
          say({ kind: 'figures', id: 0, figures: own });
          return { contentType: metrics.registry.contentType, text: await textOf([own, ...others]) };
        } finally {
          clearTimeout(timer);
          waiting.delete(id);
        }
      };
    },
    limits: {
      tell: (limit, takings) => say({ kind: 'taken', limit, takings }),
      hear(fn) {
        heard = fn;
      },
    },
  };
}
