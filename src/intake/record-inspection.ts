import { sql } from 'kysely';
import { type EventPayloads, factsOf } from '../contracts/events.ts';
import type { Inspection } from '../contracts/inspections.ts';
import { lotKey } from '../contracts/lot-id.ts';
import type { Caller } from '../contracts/permissions.ts';
import { type Answer, type AnyDraft, type AuditDraft, type Cause, JsonOnce, SequenceTaken } from '../platform/db/door.ts';
import { sqlState } from '../platform/db/faults.ts';
import { timeOfId, uuidv7 } from '../platform/id.ts';
import { ProblemError } from '../platform/problem.ts';
import { holdAttempts, lastAttempts } from './attempt-store.ts';
import { openAttempts } from './attempts.ts';
import type { IntakeDeps } from './deps.ts';
import type { Accepted } from './rules.ts';
import { isSequenceUsed, sequenceDetails } from './sequence.ts';
import type { IntakeTables } from './tables.ts';

/** The stored columns of a new record; the rest is the table's default. */
const COLUMNS = {
  id: 'uuid',
  site: 'text',
  lot_id: 'text',
  chip_id: 'text',
  inspection_type: 'text',
  priority: 'smallint',
  station_metadata: 'jsonb',
  station_id: 'text',
  attempt: 'integer',
  created_by: 'text',
  created_at: 'timestamptz',
  updated_at: 'timestamptz',
} as const;
/** Only where somebody claims something: the others are spared three empty columns. */
const COLUMNS_WITH_CLAIMS = { ...COLUMNS, inspected_at: 'timestamptz', station_epoch: 'bigint', station_sequence: 'bigint' } as const;
type Columns = typeof COLUMNS | typeof COLUMNS_WITH_CLAIMS;
const columnsFor = (made: readonly Made[]): Columns =>
  made.some(({ value }) => value.inspected_at !== null || value.station_sequence !== null) ? COLUMNS_WITH_CLAIMS : COLUMNS;
const SEQUENCE = { column: 'attempt', within: ['site', 'lot_id', 'chip_id', 'inspection_type'] } as const;

/** Another process can take the same attempt number at the same moment; who loses takes again, and then waits for its turn. */
const TRIES = 8;
/** Lots that are known to be open: their first inspection opened them, and nothing removes a lot's row. */
const LOTS_REMEMBERED = 10_000;

/** The record that an accepted body becomes. Its id and `created_at` name the same millisecond. */
function newInspection(accepted: Accepted, attempt: number, createdBy: string): Inspection {
  const id = uuidv7();
  const created = timeOfId(id);
  return {
    id,
    lot_id: accepted.lot_id,
    chip_id: accepted.chip_id,
    inspection_type: accepted.inspection_type,
    priority: accepted.priority,
    station_metadata: accepted.station_metadata,
    station_id: accepted.station_id,
    site: accepted.site,
    status: 'pending',
    verdict: null,
    reason: null,
    attempt,
    version: 1,
    created_by: createdBy,
    created_at: created,
    updated_at: created,
    completed_at: null,
    inspected_at: accepted.inspected_at,
    station_epoch: accepted.station_epoch,
    station_sequence: accepted.station_sequence,
  };
}

function createdEvent(of: Inspection): AnyDraft {
  const payload: EventPayloads['inspection.created'] = Object.assign(factsOf(of), { priority: of.priority, attempt: of.attempt });
  if (typeof of.inspected_at === 'string') payload.inspected_at = of.inspected_at;
  if (typeof of.station_sequence === 'number') {
    payload.station_epoch = of.station_epoch ?? 0;
    payload.station_sequence = of.station_sequence;
  }
  const aggregate = { type: 'inspection', id: of.id, version: 1 };
  return { type: 'inspection.created', site: of.site, key: lotKey(of), aggregate, payload };
}

const createdAudit = (of: Made): AuditDraft => ({
  action: 'inspection.created',
  site: of.value.site,
  object: { type: 'inspection', id: of.value.id },
  old: null,
  new: of,
});

interface Task {
  cause: Cause;
  accepted: readonly Accepted[];
  caller: Caller;
  answerOf(made: readonly Made[]): Answer;
}

/** A new record and its JSON text, which is its audit entry, its answer and the body of a replay. */
export type Made = JsonOnce<Inspection>;

export interface Recorder {
  /** Rows, lots, events, audit entries and the answer for the idempotency key in one commit. @throws what the door throws */
  record(task: Task): Promise<Made[]>;
  /** An answer that came of no record, for the idempotency key of its request if it has one. @throws Replayed, ProblemError idempotency_mismatch */
  keep(cause: Cause, answer: Answer): Promise<void>;
}

export function openRecorder({ door, metrics }: Pick<IntakeDeps, 'door' | 'metrics'>): Recorder {
  const attempts = openAttempts();
  const openLots = new Set<string>();

  const writes = (made: readonly Made[]) => ({ events: made.map(({ value }) => createdEvent(value)), audit: made.map(createdAudit) });

  /** The lots of these that may not be open yet, by their key, which is that of the event. */
  function lotsToOpen(made: readonly Made[], events: readonly AnyDraft[]): Map<string, { site: string; lot_id: string }> {
    const lots = new Map<string, { site: string; lot_id: string }>();
    for (const [index, { key }] of events.entries()) {
      const of = made[index]?.value;
      if (of !== undefined && !openLots.has(key)) lots.set(key, { site: of.site, lot_id: of.lot_id });
    }
    return lots;
  }

  const makeAll = (accepted: readonly Accepted[], numbers: readonly number[], caller: Caller): Made[] =>
    accepted.map((one, index) => new JsonOnce(newInspection(one, numbers[index] ?? 1, caller.name)));

  /** The hot path: no look into the database before the one statement. */
  async function straight({ cause, accepted, caller, answerOf }: Task): Promise<Made[]> {
    const taken = attempts.take(accepted, cause.idempotency ? `${cause.idempotency.caller}\n${cause.idempotency.key}` : null);
    try {
      for (let tries = 1; ; tries += 1) {
        const made = makeAll(accepted, taken.numbers, caller);
        const written = writes(made);
        const lots = lotsToOpen(made, written.events);
        try {
          await door.record(cause, {
            rows: [{ into: 'intake.inspection', columns: columnsFor(made), values: made, sequence: SEQUENCE }],
            calls: lots.size === 0 ? [] : [{ fn: 'masterdata.open_lots', items: [...lots.values()] }],
            ...written,
            answer: answerOf(made),
          });
        } catch (error) {
          if (!(error instanceof SequenceTaken) || tries >= TRIES) throw error;
          taken.again(error.last);
          continue;
        }
        if (openLots.size > LOTS_REMEMBERED) openLots.clear();
        for (const key of lots.keys()) openLots.add(key);
        return made;
      }
    } finally {
      taken.release();
    }
  }

  /** Behind whoever else numbers the same chips. */
  const inTurn = ({ cause, accepted, caller, answerOf }: Task): Promise<Made[]> =>
    door.change<IntakeTables, Made[]>(cause, async (tx) => {
      await holdAttempts(tx, accepted);
      const taken = openAttempts().take(accepted, null);
      taken.again(new Map((await lastAttempts(tx, accepted)).entries()));
      const made = makeAll(accepted, taken.numbers, caller);
      const written = writes(made);
      const lots = [...lotsToOpen(made, written.events).values()];
      await sql`select masterdata.open_lots(${JSON.stringify(lots)}::jsonb)`.execute(tx);
      const names = Object.keys(columnsFor(made));
      const rows = `[${made.map(({ text }) => text).join(',')}]`;
      await sql`insert into intake.inspection (${sql.join(names.map((column) => sql.ref(column)))})
        select ${sql.join(names.map((column) => sql.ref(column)))}
        from json_populate_recordset(null::intake.inspection, ${rows}::json)`.execute(tx);
      return { result: made, ...written, answer: answerOf(made) };
    });

  return {
    async keep(cause, answer) {
      if (cause.idempotency) await door.change(cause, async () => ({ result: undefined, events: [], audit: [], answer }));
    },
    async record(task) {
      for (let tries = 1; ; tries += 1) {
        try {
          const made = await (tries === 1 ? straight(task) : inTurn(task));
          for (const { value } of made) metrics.inspection(value.inspection_type, value.status, value.station_id);
          return made;
        } catch (error) {
          if (isSequenceUsed(error)) throw new ProblemError('sequence_used', { details: sequenceDetails(task.accepted) });
          if (!(error instanceof SequenceTaken || sqlState(error) === '23505') || tries >= TRIES) throw error;
        }
      }
    },
  };
}
