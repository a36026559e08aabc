import type { Inspection } from '../../../src/contracts/inspections.ts';

/**
 * What became of an operation, in Jepsen's words: `ok` acknowledged; `fail` surely not done (nothing listened, or the request was refused for what it
 * said); `info` no answer that tells: it may have happened or not, but never by half.
 */
export type Outcome = 'open' | 'ok' | 'fail' | 'info';

export interface SentItem {
  lot_id: string;
  chip_id: string;
  inspection_type: string;
  priority: number;
  station_metadata: Record<string, unknown>;
}

/** One create, or one batch. A chip is named once in a whole run, so that what is stored is known by its chip. */
export interface Creation {
  station: string;
  site: string;
  key: string | null;
  items: readonly SentItem[];
  outcome: Outcome;
  /** Of what was acknowledged, in the order of the items. */
  ids: readonly string[];
  /** The body of a single create's 201. */
  answer: Inspection | null;
}

/** Values posted for an acknowledged inspection; they judge it. */
export interface Measuring {
  inspection: string;
  key: string;
  values: readonly { characteristic: string; value: number; unit: string; lsl: number; usl: number }[];
  verdict: 'pass' | 'fail';
  outcome: Outcome;
}

export interface History {
  readonly creations: Creation[];
  readonly measurings: Measuring[];
  /** Answers by status; `cut`: none came, `refused`: nothing listened. */
  readonly answers: Map<string, number>;
  /** Tries of a key that had been sent before, and of these those that were answered from the first one's record. */
  repeated: number;
  replayed: number;
  /** What no client should ever see; the first ones in words. */
  readonly faults: string[];
  faultCount: number;
}

const FAULTS_KEPT = 20;

export function blame(history: History, text: string): void {
  history.faultCount += 1;
  if (history.faults.length < FAULTS_KEPT) history.faults.push(text.slice(0, 300));
}

export const openHistory = (): History => ({
  creations: [],
  measurings: [],
  answers: new Map(),
  repeated: 0,
  replayed: 0,
  faults: [],
  faultCount: 0,
});

export const acknowledged = ({ creations }: History): number =>
  creations.reduce((sum, { outcome, items }) => sum + (outcome === 'ok' ? items.length : 0), 0);
