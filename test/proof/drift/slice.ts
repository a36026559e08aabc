import type { AnyEvent } from '../../../src/contracts/events.ts';
import type { DriftAlarm } from '../../../src/contracts/monitoring.ts';
import { type AlarmFilter, listAlarms, shownAlarm } from '../../../src/monitoring/alarms.ts';
import { monitoringConsumer } from '../../../src/monitoring/consumer.ts';
import type { MonitoringTables } from '../../../src/monitoring/tables.ts';
import { reads } from '../../../src/platform/db/database.ts';
import { uuidv7 } from '../../../src/platform/id.ts';
import type { TestDatabase } from '../../support/database.ts';
import type { ReplayBoard } from './replay.ts';

const MODEL = 'pcb-pair-synth';
const EVERYWHERE: AlarmFilter = { site: '*', state: null, station: null, model: null };
export const stationName = (station: number): string => `AOI-${station + 1}`;

/** The run of a board as inference keeps it: what the slice reads of it comes from the published view. */
async function keepRuns(database: TestDatabase, rows: readonly (ReplayBoard & { operation: string; inspection: string })[]): Promise<void> {
  const data = JSON.stringify(
    rows.map(({ index, station, product, features, operation, inspection }) => ({
      ...{ operation, inspection, station: stationName(station), reference: String(product).repeat(64), features },
      at: new Date(Date.UTC(2025, 10, 25) + index * 15_000).toISOString(),
    })),
  );
  const from = `from jsonb_to_recordset($1::jsonb) as r (operation uuid, inspection uuid, station text, reference text, features jsonb, at timestamptz)`;
  await database.db.pool.query(
    `insert into inference.job (operation_id, inspection_id, site, lot_id, station_id, model, version, image_sha256, reference_sha256, automatic, decides,
       requested_by, priority, turn, state, trace_id)
     select operation, inspection, 'hamburg', 'LOT-2025-001', station, '${MODEL}', 1, repeat('a', 64), reference, true, true, 'replay', 5, at, 'succeeded', 't' ${from}`,
    [data],
  );
  await database.db.pool.query(
    `insert into inference.run (operation_id, inspection_id, model, version, model_sha256, runtime, thresholds, image_sha256, reference_sha256, candidates,
       timings_ms, features, finished_at)
     select operation, inspection, '${MODEL}', 1, repeat('b', 64), 'replay', '{}', repeat('a', 64), reference, '[]', '{}', features, at ${from}`,
    [data],
  );
}

export interface Played {
  alarms: (DriftAlarm & { board: number })[];
  /** Deliveries beyond the first of each event. */
  repeats: number;
}

/** Hands the boards to the slice, those of a station in their order and the stations beside each other, every seventh event twice, and tells with which board each alarm came (stations take turns). */
export async function playBoards(database: TestDatabase, boards: readonly ReplayBoard[], baselineBoards: number): Promise<Played> {
  const consumer = monitoringConsumer({ door: database.door, baselineBoards });
  const rows = boards.map((board) => ({ ...board, operation: uuidv7(), inspection: uuidv7() }));
  await keepRuns(database, rows);
  const played: Played = { alarms: [], repeats: 0 };
  const deliver = async ({ index, station, operation, inspection }: (typeof rows)[number]) => {
    const event_id = uuidv7();
    const event = {
      event_id,
      event_type: 'inference.completed',
      schema_version: 1,
      occurred_at: new Date().toISOString(),
      trace_id: 'c'.repeat(32),
      source_service: 'replay',
      site: 'hamburg',
      aggregate: { type: 'operation', id: operation, version: 2 },
      payload: {
        ...{
          operation_id: operation,
          inspection_id: inspection,
          lot_id: 'LOT-2025-001',
          station_id: stationName(station),
          model: MODEL,
          version: 1,
        },
        ...{ thresholds: {}, candidates: [], decides: true },
      },
    } as unknown as AnyEvent;
    const cause = {
      actor: { subject: 'system', name: 'monitoring', kind: 'system' as const },
      requestId: null,
      traceId: event.trace_id,
      inbox: { group: 'monitoring', eventId: event_id },
    };
    const times = index % 7 === 0 ? 2 : 1;
    for (let time = 0; time < times; time += 1)
      await consumer.handle(event, { cause, attempt: time + 1, signal: new AbortController().signal });
    played.repeats += times - 1;
  };
  const stations = [...new Set(rows.map(({ station }) => station))];
  await Promise.all(
    stations.map(async (station) => {
      for (const row of rows) if (row.station === station) await deliver(row);
    }),
  );
  const found = await listAlarms(reads<MonitoringTables>(database.db), EVERYWHERE, null, 100);
  for (const alarm of found.reverse()) {
    const station = Number(alarm.station_id.slice(4)) - 1;
    played.alarms.push({ ...shownAlarm(alarm), board: (alarm.boards - 1) * stations.length + station });
  }
  played.alarms.sort((one, other) => one.board - other.board);
  return played;
}
