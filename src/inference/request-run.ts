import { sql } from 'kysely';
import type { Static } from 'typebox';
import type { InspectionFacts } from '../contracts/events.ts';
import type { InferRequest } from '../contracts/inference.ts';
import { type Caller, maySee } from '../contracts/permissions.ts';
import { type Database, reads } from '../platform/db/database.ts';
import type { Cause, Decided, Door, Transaction } from '../platform/db/door.ts';
import { invalid, ProblemError } from '../platform/problem.ts';
import { givenOf, judgeInputs } from './inputs.ts';
import { lockInspections } from './inspection.ts';
import { queueRun } from './start-run.ts';
import type { InferenceTables } from './tables.ts';

export interface Accepted {
  operation_id: string;
  status: 'queued';
}
export interface Requested {
  accepted: Accepted;
  moved: InspectionFacts | null;
}

/** The model asked for, or null when the production version of the moment is meant. @throws ProblemError validation_error for an unknown one */
async function named(db: Database, { model, version }: Static<typeof InferRequest>, productionModel: string) {
  if (model === undefined && version === undefined) return null;
  const name = model ?? productionModel;
  const versions = await reads<InferenceTables>(db)
    .selectFrom('inference.model_version')
    .select(['version', 'stage'])
    .where('model', '=', name)
    .orderBy('version')
    .execute();
  if (versions.length === 0) throw invalid('body -> model', `There is no model ${name}`, 'known_model', name);
  // A model without a version in production (one for research) is meant by its newest that is not retired.
  const usual = () => versions.find(({ stage }) => stage === 'production') ?? versions.findLast(({ stage }) => stage !== 'retired');
  const found = version === undefined ? usual() : versions.find((known) => known.version === version);
  if (!found) throw invalid('body -> version', `${name} has no version ${version ?? 'in production'}`, 'known_version', version);
  return { model: name, version: found.version, judging: name === productionModel };
}

/** Whether a version judges a lot; one that no version has judged yet is its own from now on. */
async function placeLot(
  tx: Transaction<InferenceTables>,
  { model, version }: { model: string; version: number },
  { site, lot_id }: { site: string; lot_id: string },
): Promise<boolean> {
  const { rows } = await sql<{ routed: number | null; known: boolean }>`
    SELECT r.routed, r.known FROM inference.route_lot(${model}, ${site}, ${lot_id},
      (SELECT array_agg(version) FROM inference.model_version WHERE model = ${model})) r`.execute(tx);
  const [route] = rows;
  if (route?.routed !== version) return false;
  if (route.known) return true;
  const { rows: placed } = await sql<{ version: number }>`
    INSERT INTO inference.lot_model AS l (model, site, lot_id, version) VALUES (${model}, ${site}, ${lot_id}, ${version})
    ON CONFLICT (model, site, lot_id) DO UPDATE SET version = l.version RETURNING version`.execute(tx);
  return placed[0]?.version === version;
}

/**
 * Queues a run that somebody asks for. Every request is its own operation. It decides when the version of the lot is asked for on an inspection that
 * nobody has judged and no other run is about to; else it is kept with its provenance and changes nothing.
 * @throws ProblemError validation_error, not_found, precondition_failed, transition_not_allowed
 */
export async function requestRun(
  { db, door, productionModel }: { db: Database; door: Door; productionModel: string },
  cause: Cause,
  caller: Caller,
  inspectionId: string,
  request: Static<typeof InferRequest>,
  judgeVersion: (current: number) => void,
): Promise<Requested> {
  const chosen = await named(db, request, productionModel);
  return await door.change<InferenceTables, Requested>(cause, async (tx): Promise<Decided<Requested>> => {
    const [inspection] = await lockInspections(tx, [inspectionId]);
    if (!inspection || !maySee(caller, inspection)) throw new ProblemError('not_found');
    judgeVersion(inspection.version);
    if (inspection.inspection_type !== 'visual')
      throw new ProblemError('transition_not_allowed', {
        detail: `A model looks at visual inspections, this one is ${inspection.inspection_type}`,
      });
    if (inspection.status === 'cancelled') throw new ProblemError('transition_not_allowed', { detail: 'The inspection was cancelled' });
    const inputs = judgeInputs(await givenOf(tx, inspection));
    if (inputs.kind !== 'whole') throw new ProblemError('transition_not_allowed', { detail: inputs.detail });
    const other = await tx
      .selectFrom('inference.job')
      .select('operation_id')
      .where('inspection_id', '=', inspection.id)
      .where('decides', '=', true)
      .where('state', 'in', ['queued', 'running'])
      .executeTakeFirst();
    // One lot is judged by one version: a version that is named decides only where it is the lot's.
    const may = chosen === null || (chosen.judging && (await placeLot(tx, chosen, inspection)));
    const { operationId, events, audit, moved } = await queueRun(tx, inspection, {
      image: inputs.image,
      reference: inputs.reference,
      automatic: false,
      decides: may && inspection.status !== 'completed' && !other,
      requestedBy: caller.subject,
      traceId: cause.traceId,
      named: chosen && { model: chosen.model, version: chosen.version },
    });
    const accepted: Accepted = { operation_id: operationId, status: 'queued' };
    return {
      result: { accepted, moved },
      events,
      audit,
      answer: { status: 202, location: `/v1/operations/${operationId}`, body: accepted },
    };
  });
}
