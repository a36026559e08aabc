import type { Topic } from '../../contracts/events.ts';
import type { Cause } from '../db/change.ts';
import type { Consumer } from './consumer.ts';

export interface GroupLag {
  group: string;
  /** Events not yet handled, counted up to 1,000 a partition. */
  events: number;
  /** Age of the oldest of them, 0 when there is none. */
  seconds: number;
  parked: number;
}

export interface ParkedEvent {
  group: string;
  event_id: string;
  topic: Topic;
  key: string;
  cause: string;
  attempts: number;
  parked_at: Date;
  state: 'parked' | 'redriven' | 'done';
}

/** One port, two makers: the outbox in PostgreSQL, or a broker. `test/contract/bus.contract.ts` says what both must do. */
export interface Bus {
  /** Before `start`. One consumer a group. */
  subscribe(consumer: Consumer): void;
  start(): Promise<void>;
  /** Finishes what is in hand (at most 5 s), saves positions, gives its partitions back. */
  stop(): Promise<void>;
  /** A commit of this process wrote events: look now instead of at the next poll. */
  wake(): void;
  lag(): Promise<GroupLag[]>;
  /** What keeps it from delivering now, in words for people; null when nothing does. Shown in health, where it flips no readiness. */
  trouble(): string | null;
  parked(group?: string): Promise<ParkedEvent[]>;
  /** Hands a parked event to its group again: once, however often it is asked, and audited. @throws ProblemError not_found */
  redrive(cause: Cause, group: string, eventId: string): Promise<void>;
}
