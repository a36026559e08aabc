import type { Takings } from '../http/limits.ts';
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
  /** Tells the others these figures when they ask. Answers how to get those of the whole group; of a process that is late, its last ones. */
  shareFigures(metrics: Metrics): () => Promise<{ contentType: string; text: string }>;
  /** By the primary, to and from the other processes. */
  readonly limits: LimitChannel;
}

const ALL_MS = 1000;

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
    shareFigures(metrics) {
      tell = () => metrics.figures();
      let others: readonly Figures[] = [];
      return async () => {
        const id = ++serial;
        const told = new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ALL_MS);
          waiting.set(id, (figures) => {
            clearTimeout(timer);
            others = figures;
            resolve();
          });
        });
        say({ kind: 'ask', id });
        const [own] = await Promise.all([metrics.figures(), told]);
        waiting.delete(id);
        // Should this process die, its counters stay in the sum.
        say({ kind: 'figures', id: 0, figures: own });
        return { contentType: metrics.registry.contentType, text: await textOf([own, ...others]) };
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
