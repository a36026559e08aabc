import { sql } from 'kysely';
import type { Inspection } from '../contracts/inspections.ts';
import type { Caller } from '../contracts/permissions.ts';
import { reads } from '../platform/db/database.ts';
import type { Answer, AnyDraft, AuditDraft, Cause } from '../platform/db/door.ts';
import { sqlState } from '../platform/db/faults.ts';
import { uuidv7 } from '../platform/id.ts';
import { ProblemError } from '../platform/problem.ts';
import { holdAttempts, lastAttempts } from './attempt-store.ts';
import { openAttempts } from './attempts.ts';
import type { IntakeDeps } from './deps.ts';
import { facts, keyOf } from './inspection.ts';
import type { Accepted } from './rules.ts';
import { isSequenceUsed, sequenceDetails } from './sequence.ts';
import type { IntakeTables } from './tables.ts';

const COLUMNS = [
  'id',
  'site',
  'lot_id',
  'chip_id',
  'inspection_type',
  'priority',
  'station_metadata',
  'station_id',
  'attempt',
  'created_by',
  'created_at',
  'updated_at',
] as const;
/** Only where somebody claims something: the others are spared three empty columns. */
const CLAIMS = ['inspected_at', 'station_epoch', 'station_sequence'] as const;
const COLUMNS_WITH_CLAIMS = [...COLUMNS, ...CLAIMS] as const;
type Columns = typeof COLUMNS | typeof COLUMNS_WITH_CLAIMS;
const columnsFor = (made: readonly Inspection[]): Columns =>
  made.some((one) => one.inspected_at !== null || one.station_sequence !== null) ? COLUMNS_WITH_CLAIMS : COLUMNS;

/** Another process can take the same attempt number at the same moment; who loses takes again, and then waits for its turn. */
const TRIES = 8;
/** Lots that are known to be open: their first inspection opened them, and nothing removes a lot's row. */
const LOTS_REMEMBERED = 10_000;

/** The record that an accepted body becomes. Its id and `created_at` name the same millisecond. */
function newInspection(accepted: Accepted, attempt: number, createdBy: string): Inspection {
  const id = uuidv7();
  const created = new Date(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toISOString();
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

/** What an event tells of the claims: nothing where there are none. */
function claimsOf({ inspected_at, station_epoch, station_sequence }: Inspection) {
  return {
    ...(typeof inspected_at === 'string' ? { inspected_at } : {}),
    ...(typeof station_sequence === 'number' ? { station_epoch: station_epoch ?? 0, station_sequence } : {}),
  };
}

function createdEvent(of: Inspection): AnyDraft {
  return {
    type: 'inspection.created',
    site: of.site,
    key: keyOf(of),
    aggregate: { type: 'inspection', id: of.id, version: 1 },
    payload: { ...facts(of), priority: of.priority, attempt: of.attempt, ...claimsOf(of) },
  };
}

const createdAudit = (of: Inspection): AuditDraft => ({
  action: 'inspection.created',
  site: of.site,
  object: { type: 'inspection', id: of.id },
  old: null,
  new: of,
});

/** Only the stored columns: the rest of a new record is the table's default. */
const rowOf = (of: Inspection, columns: Columns): Record<string, unknown> =>
  Object.fromEntries(columns.map((column) => [column, of[column]]));

interface Task {
  cause: Cause;
  accepted: readonly Accepted[];
  caller: Caller;
  answerOf(made: readonly Inspection[]): Answer;
}

export interface Recorder {
  /** Rows, lots, events, audit entries and the answer for the idempotency key in one commit. @throws what the door throws */
  record(task: Task): Promise<Inspection[]>;
}

export function openRecorder({ db, door, metrics }: Pick<IntakeDeps, 'db' | 'door' | 'metrics'>): Recorder {
  const attempts = openAttempts((keys) => lastAttempts(reads<IntakeTables>(db), keys));
  const openLots = new Set<string>();

  const writes = (made: readonly Inspection[]) => ({ events: made.map(createdEvent), audit: made.map(createdAudit) });

  /** The lots of these that may not be open yet, as `masterdata.open_lots` takes them. */
  function lotsToOpen(made: readonly Inspection[]): { keys: Set<string>; text: string } {
    const keys = new Set<string>();
    const lots: { site: string; lot_id: string }[] = [];
    for (const one of made) {
      const key = keyOf(one);
      if (openLots.has(key) || keys.has(key)) continue;
      keys.add(key);
      lots.push({ site: one.site, lot_id: one.lot_id });
    }
    return { keys, text: JSON.stringify(lots) };
  }

  /** The hot path: one look at the last attempt (shared by parallel requests for one chip), one statement. */
  async function straight({ cause, accepted, caller, answerOf }: Task): Promise<Inspection[]> {
    const token = cause.idempotency ? `${cause.idempotency.caller}\n${cause.idempotency.key}` : null;
    const taken = await attempts.take(accepted, token);
    let collided = false;
    try {
      const made = accepted.map((one, index) => newInspection(one, taken.numbers[index] ?? 1, caller.name));
      const lots = lotsToOpen(made);
      const columns = columnsFor(made);
      await door.record(cause, {
        rows: [{ into: 'intake.inspection', columns, values: made.map((one) => rowOf(one, columns)) }],
        calls: lots.keys.size === 0 ? [] : [{ fn: 'masterdata.open_lots', args: [lots.text] }],
        ...writes(made),
        answer: answerOf(made),
      });
      if (openLots.size > LOTS_REMEMBERED) openLots.clear();
      for (const key of lots.keys) openLots.add(key);
      return made;
    } catch (error) {
      collided = sqlState(error) === '23505';
      throw error;
    } finally {
      taken.release(collided);
    }
  }

  /** Behind whoever else numbers the same chips. */
  const inTurn = ({ cause, accepted, caller, answerOf }: Task): Promise<Inspection[]> =>
    door.change<IntakeTables, Inspection[]>(cause, async (tx) => {
      await holdAttempts(tx, accepted);
      const own = openAttempts((keys) => lastAttempts(tx, keys));
      const { numbers } = await own.take(accepted, null);
      const made = accepted.map((one, index) => newInspection(one, numbers[index] ?? 1, caller.name));
      const columns = columnsFor(made);
      await sql`select masterdata.open_lots(${lotsToOpen(made).text}::jsonb)`.execute(tx);
      await sql`insert into intake.inspection (${sql.join(columns.map((column) => sql.ref(column)))})
        select ${sql.join(columns.map((column) => sql.ref(column)))}
        from json_populate_recordset(null::intake.inspection, ${JSON.stringify(made.map((one) => rowOf(one, columns)))}::json)`.execute(tx);
      return { result: made, ...writes(made), answer: answerOf(made) };
    });

  return {
    async record(task) {
      for (let tries = 1; ; tries += 1) {
        try {
          const made = await (tries === 1 ? straight(task) : inTurn(task));
          for (const one of made) metrics.inspection(one.inspection_type, one.status, one.station_id);
          return made;
        } catch (error) {
          if (isSequenceUsed(error)) throw new ProblemError('sequence_used', { details: sequenceDetails(task.accepted) });
          if (sqlState(error) !== '23505' || tries >= TRIES) throw error;
        }
      }
    },
  };
}
