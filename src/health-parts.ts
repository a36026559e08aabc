import type { Infrastructure } from './infrastructure.ts';
import { kept } from './platform/kept.ts';
import type { Member } from './platform/processes/member.ts';

/** Seconds that an event may wait before the bus is shown as slow. */
const SLOW_BUS_SECONDS = 5;

/** Probes of many balancers share one look at the lag. */
const LAG_KEPT_MS = 500;

/** They wait for a person as long as it takes, and the rest goes on: told, and no reason to be degraded. */
const setAside = (events: number) =>
  events === 0 ? {} : { detail: `${events} event${events === 1 ? ' is' : 's are'} set aside: the command dead-letters lists them` };

/** Parts that are shown when they are not well, and that flip no readiness: the disk before it is full or the store of files that is away, the bus when events wait, the replica of reads,
 * Redis. */
export function healthParts(
  { bus, replica, redis, blobs }: Pick<Infrastructure, 'bus' | 'replica' | 'redis' | 'blobs'>,
  member: Pick<Member<unknown>, 'group'> | null,
) {
  const lag = kept(LAG_KEPT_MS, () => bus.lag());
  const workers = () => {
    const { wanted, serving, restarted } = member?.group ?? { wanted: 1, serving: 1, restarted: 0 };
    const detail = `${serving} of ${wanted} serve${restarted > 0 ? `, ${restarted} started again` : ''}`;
    return { status: serving < wanted ? ('degraded' as const) : ('ok' as const), detail };
  };
  return {
    ...(member === null ? {} : { workers }),
    storage: async () => {
      const trouble = await blobs.trouble();
      return trouble === null ? { status: 'ok' as const } : { status: 'degraded' as const, detail: trouble };
    },
    bus: async () => {
      const trouble = bus.trouble();
      if (trouble !== null) return { status: 'degraded' as const, detail: trouble };
      const lags = await lag();
      const worst = lags.reduce((most, lag) => (lag.seconds > most.seconds ? lag : most), { group: '', seconds: 0 });
      return worst.seconds > SLOW_BUS_SECONDS
        ? { status: 'degraded' as const, detail: `${worst.group} is ${Math.round(worst.seconds)} s behind` }
        : { status: 'ok' as const, ...setAside(lags.reduce((sum, { parked }) => sum + parked, 0)) };
    },
    ...(redis && {
      redis: () => {
        return redis.fault() === null
          ? { status: 'ok' as const }
          : { status: 'degraded' as const, detail: 'limits count for this machine alone: Redis is not reached; the log says why' };
      },
    }),
    ...(replica && {
      replica: () => {
        const fault = replica.fault();
        return fault === null
          ? { status: 'ok' as const }
          : { status: 'degraded' as const, detail: `lists are read from the primary: ${fault}` };
      },
    }),
  };
}
