import type { Takings } from '../http/limits.ts';
import type { Figures } from '../telemetry/metrics.ts';

export interface GroupState {
  /** Processes that should serve, and that do. */
  readonly wanted: number;
  readonly serving: number;
  /** Processes that were started again since the start of the program. */
  readonly restarted: number;
}

/** From a member to the primary. */
export type ToPrimary =
  | { kind: 'hello' }
  | { kind: 'serving'; facts: unknown }
  | { kind: 'here' }
  | { kind: 'ask'; id: number }
  /** Asked for under this number, or 0: unasked. */
  | { kind: 'figures'; id: number; figures: Figures }
  | { kind: 'taken'; limit: string; takings: Takings };

/** From the primary to a member. */
export type ToMember =
  | { kind: 'assigned'; part: unknown }
  | { kind: 'group'; state: GroupState }
  /** To be answered with `here`. */
  | { kind: 'there' }
  | { kind: 'tell'; id: number }
  | { kind: 'all'; id: number; figures: readonly Figures[] }
  | { kind: 'taken'; limit: string; takings: Takings }
  | { kind: 'leave' };
