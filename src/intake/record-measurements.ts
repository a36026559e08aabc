import { lotKey } from '../contracts/lot-id.ts';
import { type Measurement, type MeasurementCreate, MeasurementList, MeasurementsCreate } from '../contracts/measurements.ts';
import { IdParams, ref } from '../contracts/primitives.ts';
import type { ProblemDetail } from '../contracts/problems.ts';
import type { Reads } from '../platform/db/database.ts';
import type { Cause, Door } from '../platform/db/door.ts';
import type { App } from '../platform/http/app.ts';
import { expectVersion } from '../platform/http/conditional.ts';
import { requireUuid } from '../platform/http/ids.ts';
import { uuidv7 } from '../platform/id.ts';
import { ProblemError } from '../platform/problem.ts';
import { presentMeasurement } from './measurement.ts';
import { findInspection, lockInspection, type Sight } from './queries.ts';
import type { IntakeTables, MeasurementRow } from './tables.ts';

/** Limits that no value could meet, and texts the database cannot keep: every fault with its place in the array. */
function checkMeasurements(values: readonly MeasurementCreate[]): ProblemDetail[] {
  const faults: ProblemDetail[] = [];
  for (const [index, { lsl, usl, value, target, characteristic, unit }] of values.entries()) {
    const at = (name: string) => `body -> ${index} -> ${name}`;
    for (const [name, number] of Object.entries({ value, lsl, usl, target }))
      if (typeof number === 'number' && !Number.isFinite(number))
        faults.push({ field: at(name), message: 'A value is a finite number', constraint: 'finite' });
    for (const [name, text] of Object.entries({ characteristic, unit }))
      if (!text.isWellFormed()) faults.push({ field: at(name), message: 'Unpaired surrogates are not text', constraint: 'characters' });
    if (typeof lsl === 'number' && typeof usl === 'number' && lsl > usl)
      faults.push({ field: at('lsl'), message: 'The lower limit lies above the upper one', constraint: 'limits', invalid_value: lsl });
  }
  return faults;
}

/**
 * Values of an inspection that is not settled yet. Every type takes them: a visual inspection may carry measured widths, which are kept and shown and
 * do not judge it.
 * @throws ProblemError not_found, transition_not_allowed, what `judgeVersion` throws of the inspection's version
 */
function recordMeasurements(
  door: Door,
  cause: Cause,
  values: readonly MeasurementCreate[],
  target: { id: string; sight: Sight; judgeVersion(current: number): void },
): Promise<Measurement[]> {
  return door.change<IntakeTables, Measurement[]>(cause, async (tx) => {
    const inspection = await lockInspection(tx, target.id, target.sight);
    if (!inspection) throw new ProblemError('not_found');
    target.judgeVersion(inspection.version);
    if (inspection.status === 'completed' || inspection.status === 'cancelled')
      throw new ProblemError('transition_not_allowed', { detail: `The inspection is ${inspection.status}: it takes no measurements` });
    const created_at = new Date();
    const rows: MeasurementRow[] = values.map(({ characteristic, value, unit, lsl = null, usl = null, target: aim = null }) => ({
      id: uuidv7(),
      inspection_id: inspection.id,
      characteristic,
      value,
      unit,
      lsl,
      usl,
      target: aim,
      created_at,
    }));
    await tx.insertInto('intake.measurement').values(rows).execute();
    const shown = rows.map((row) => presentMeasurement(row));
    const { site, lot_id, inspection_type, station_id } = inspection;
    return {
      result: shown,
      events: [
        {
          type: 'measurements.recorded',
          site,
          key: lotKey(inspection),
          // A record of its own: it leaves the version of the inspection as it is, and a reader that goes by versions would take it for a repeat.
          aggregate: { type: 'measurements', id: shown[0]?.id ?? inspection.id, version: 1 },
          payload: { inspection_id: inspection.id, lot_id, inspection_type, station_id, count: rows.length },
        },
      ],
      audit: [
        {
          action: 'measurements.recorded',
          site,
          object: { type: 'inspection', id: inspection.id },
          old: null,
          new: { measurements: shown },
        },
      ],
      answer: {
        status: 201,
        location: `/v1/inspections/${inspection.id}?include=measurements`,
        body: { data: shown, has_more: false, next_cursor: null },
      },
    };
  });
}

export function measurementRoutes(app: App, { door, reads }: { door: Door; reads: Reads<IntakeTables> }): void {
  app.route({
    method: 'POST',
    url: '/v1/inspections/:id/measurements',
    config: { permission: 'inspections:write', ifMatch: true },
    schema: {
      tags: ['inspections'],
      summary: 'Post measured values',
      description:
        'Electrical, thermal and dimensional inspections are judged by them; limits come from the product revision, and from here only where it has none. Refused (409) on a completed or cancelled inspection. With `If-Match`, only while that version of the inspection is current.',
      params: IdParams,
      body: ref(MeasurementsCreate),
      response: { 201: ref(MeasurementList) },
    },
    async handler(request, reply) {
      const faults = checkMeasurements(request.body);
      if (faults.length > 0) throw new ProblemError('validation_error', { details: faults.slice(0, 100) });
      const id = requireUuid(request.params.id);
      if (!(await findInspection(reads, id, request.caller))) throw new ProblemError('not_found');
      const judgeVersion = (current: number) => expectVersion(request, current);
      const shown = await recordMeasurements(door, request.cause(), request.body, { id, sight: request.caller, judgeVersion });
      return reply
        .code(201)
        .header('location', `/v1/inspections/${id}?include=measurements`)
        .send({ data: shown, has_more: false, next_cursor: null });
    },
  });
}
