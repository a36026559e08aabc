import { IdParams } from '../contracts/primitives.ts';
import { type Database, reads } from '../platform/db/database.ts';
import type { App } from '../platform/http/app.ts';
import { notModified } from '../platform/http/conditional.ts';
import { bytesOf } from '../platform/http/document.ts';
import { requireUuid } from '../platform/http/ids.ts';
import { ProblemError } from '../platform/problem.ts';
import { rawScore } from './detections.ts';
import { HEAT_FLOOR, HEAT_SCALE, heatOf, heatPng } from './heat.ts';
import { type LookDeps, PicturesAway, see, Unfit } from './look.ts';
import type { VerifiedModel } from './models/repository.ts';
import { RunFailed, RuntimeAway } from './runtime/runtime.ts';
import type { InferenceTables } from './tables.ts';

/** Longest time to a map, waiting for a thread included: behind the boards of the line. */
const TIMEOUT_MS = 10_000;
/** Part of the entity tag: another number where the same run is drawn another way. */
const DRAWING = 1;

export interface HeatDeps {
  db: Database;
  /** What looks at boards in this process; null until the models are loaded, and where other processes run them. */
  eyes: () => { looking: LookDeps; models: readonly VerifiedModel[] } | null;
}

/** GET /v1/operations/{id}/heat. One map at a time in a process: a screen can wait, stations cannot. */
export function heatRoutes(app: App, { db, eyes }: HeatDeps): void {
  let busy = false;
  const later = (detail: string, retryAfter: number) => new ProblemError('overloaded', { detail, retryAfter });

  async function draw(run: { model: string; version: number; image_sha256: string; reference_sha256: string }): Promise<Buffer> {
    const held = eyes();
    if (!held) throw later('No model is loaded in this process', 5);
    const model = held.models.find(({ manifest }) => manifest.name === run.model && manifest.version === run.version);
    if (!model) throw new ProblemError('not_found', { detail: 'The version of the run is no longer kept' });
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const floor = rawScore(HEAT_FLOOR, model.manifest.calibration);
    const seeing = see(held.looking, model, { image: run.image_sha256, reference: run.reference_sha256 }, { signal, priority: 1, floor });
    // A run that was begun cannot be broken off: it is left to itself, and whoever asked is told to come again.
    const late = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new RuntimeAway('timed out'))));
    try {
      const { found, board } = await Promise.race([seeing, late]);
      return await heatPng(heatOf(found, board, model.manifest.calibration));
    } catch (error) {
      if (error instanceof Unfit)
        throw new ProblemError('not_found', { detail: 'The pictures of the run are no longer kept', cause: error });
      if (error instanceof PicturesAway) throw error.cause;
      if (error instanceof RuntimeAway || error instanceof RunFailed) throw later('The model is busy or away', 2);
      throw error;
    }
  }

  app.route({
    method: 'GET',
    url: '/v1/operations/:id/heat',
    config: { permission: 'inspections:read', class: 'read', answers: bytesOf(['image/png']), etag: () => null, ifNoneMatch: true },
    schema: {
      tags: ['inference'],
      summary: 'Where the model of a run looked: a map of its scores',
      description: `A grey PNG of an ${HEAT_SCALE}th of the picture each way (rounded up; to lay it over the picture, enlarge it ${HEAT_SCALE} times and cut what is over): black is 0, white a calibrated score of 1, of the class that scores highest. The model answers peaks alone, so each is drawn as a soft bell as wide as its box; between bells nothing was measured. Made by the run's own model version on its own inputs, before the second look, so a peak may be here that is no candidate. 404 when the run has not finished or its pictures are no longer kept; 503 with \`Retry-After\` when another map is being made or the model or the store of files is away.`,
      params: IdParams,
    },
    async handler(request, reply) {
      const id = requireUuid(request.params.id);
      const { site, stationId } = request.caller;
      let query = reads<InferenceTables>(db)
        .selectFrom('inference.run')
        .innerJoin('inference.job', 'inference.job.operation_id', 'inference.run.operation_id')
        .select(['inference.run.model', 'inference.run.version', 'inference.run.image_sha256', 'inference.run.reference_sha256'])
        .where('inference.run.operation_id', '=', id);
      if (site !== '*') query = query.where('inference.job.site', '=', site);
      if (stationId !== null) query = query.where('inference.job.station_id', '=', stationId);
      const run = await query.executeTakeFirst();
      if (!run) throw new ProblemError('not_found');
      const tag = `"heat-${DRAWING}-${id}"`;
      const kept = () => reply.header('cache-control', 'private, max-age=86400, immutable').header('x-content-type-options', 'nosniff');
      if (notModified(request, reply, tag)) return kept().send();
      if (busy) throw later('Another map is being made', 1);
      busy = true;
      try {
        const png = await draw(run);
        return await kept().type('image/png').header('etag', tag).send(png);
      } finally {
        busy = false;
      }
    },
  });
}
