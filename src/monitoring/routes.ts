import { Type } from 'typebox';
import { isPrintable } from '../contracts/lot-id.ts';
import {
  ConfusionQuery,
  ConfusionReport,
  DriftAcknowledge,
  DriftAlarm,
  DriftAlarmPage,
  DriftAlarmQuery,
  DriftQuery,
  DriftReport,
  QualityQuery,
  QualityReport,
  ReviewerAgreement,
} from '../contracts/monitoring.ts';
import { IdParams, ref } from '../contracts/primitives.ts';
import { Problem } from '../contracts/problems.ts';
import { ReviewDatasetQuery } from '../contracts/review.ts';
import { type Database, reads } from '../platform/db/database.ts';
import type { Door } from '../platform/db/door.ts';
import type { App } from '../platform/http/app.ts';
import { etag, expectVersion } from '../platform/http/conditional.ts';
import { requireUuid } from '../platform/http/ids.ts';
import { timeSpan } from '../platform/http/paging.ts';
import { answerList } from '../platform/paged-list.ts';
import { ProblemError } from '../platform/problem.ts';
import { acknowledgeAlarm } from './acknowledge-alarm.ts';
import { readAgreement } from './agreement.ts';
import { alarmPosition, listAlarms, placeOf, shownAlarm } from './alarms.ts';
import { readConfusion } from './confusion.ts';
import { openExports } from './dataset.ts';
import { readDrift } from './drift-report.ts';
import { readQuality } from './quality.ts';
import type { MonitoringTables } from './tables.ts';

/** Writing all lines before the first is sent takes longer than a read may. */
const EXPORT_MS = 300_000;
/** Of these the writing; the rest is for the sending. */
const MAKE_EXPORT_MS = 240_000;

const Params = Type.Object({ name: Type.String({ maxLength: 200 }) });

export interface RoutesDeps {
  db: Database;
  door: Door;
  baselineBoards: number;
}

/** What people read of the measuring, and the one thing that they write: that an alarm was seen. */
export function monitoringRoutes(app: App, { db, door, baselineBoards }: RoutesDeps): void {
  const on = reads<MonitoringTables>(db);
  const exports = openExports(on, MAKE_EXPORT_MS);

  /** @throws ProblemError not_found */
  async function requireModel(model: string): Promise<string> {
    if (!isPrintable(model)) throw new ProblemError('not_found');
    const known = await on.selectFrom('inference.known_model').select('model').where('model', '=', model).executeTakeFirst();
    if (!known) throw new ProblemError('not_found');
    return model;
  }

  app.get(
    '/v1/models/:name/quality',
    {
      config: { permission: 'inference:read' },
      schema: {
        tags: ['inference'],
        summary: 'False calls and escapes of a model, with intervals and denominators',
        params: Params,
        querystring: QualityQuery,
        response: { 200: ref(QualityReport), default: ref(Problem) },
      },
    },
    async (request) => {
      const span = timeSpan(request.query);
      const model = await requireModel(request.params.name);
      return await readQuality(on, { model, by: request.query.by ?? 'class', site: request.caller.site, ...span });
    },
  );
  app.get(
    '/v1/models/:name/confusion',
    {
      config: { permission: 'inference:read' },
      schema: {
        tags: ['inference'],
        summary: 'What a model said against what people found, with missed and nothing there',
        params: Params,
        querystring: ConfusionQuery,
        response: { 200: ref(ConfusionReport), default: ref(Problem) },
      },
    },
    async (request) => {
      const span = timeSpan(request.query);
      const model = await requireModel(request.params.name);
      return await readConfusion(on, { model, site: request.caller.site, ...span });
    },
  );
  app.get(
    '/v1/models/:name/agreement',
    {
      config: { permission: 'inference:read' },
      schema: {
        tags: ['inference'],
        summary: 'How far reviewers agree who answered the same audit, by pair (Cohen’s kappa)',
        params: Params,
        querystring: ConfusionQuery,
        response: { 200: ref(ReviewerAgreement), default: ref(Problem) },
      },
    },
    async (request) => {
      const span = timeSpan(request.query);
      const model = await requireModel(request.params.name);
      return await readAgreement(on, { model, site: request.caller.site, ...span });
    },
  );
  app.get(
    '/v1/models/:name/drift',
    {
      config: { permission: 'inference:read' },
      schema: {
        tags: ['inference'],
        summary: 'How each station looks now against its baseline',
        params: Params,
        querystring: DriftQuery,
        response: { 200: ref(DriftReport), default: ref(Problem) },
      },
    },
    async (request) => {
      const model = await requireModel(request.params.name);
      return await readDrift(on, { model, site: request.caller.site, station: request.query.station ?? null }, baselineBoards);
    },
  );
  app.get(
    '/v1/drift-alarms',
    {
      config: { permission: 'inference:read' },
      schema: {
        tags: ['inference'],
        summary: 'Stations that drift: open alarms first, newest first',
        querystring: DriftAlarmQuery,
        response: { 200: ref(DriftAlarmPage), default: ref(Problem) },
      },
    },
    async (request, reply) => {
      const { state, station, model } = request.query;
      const of = { site: request.caller.site, state: state ?? null, station: station ?? null, model: model ?? null };
      const columns = [
        'id',
        'raised_at',
        'state',
        'site',
        'station_id',
        'model',
        'version',
        'feature',
        'detector',
        'direction',
        'why',
      ] as const;
      return answerList(request, reply, request.query, {
        read: (behind, limit) => listAlarms(on, of, behind, limit),
        position: placeOf,
        parsePosition: alarmPosition,
        show: (rows) => rows.map(shownAlarm),
        csv: { filename: 'drift-alarms.csv', columns, cells: (row) => columns.map((name) => row[name]) },
      }) as never;
    },
  );
  app.post(
    '/v1/drift-alarms/:id/acknowledge',
    {
      config: { permission: 'inference:manage', person: true, etag: (alarm: DriftAlarm) => alarm.record_version, ifMatch: true },
      schema: {
        tags: ['inference'],
        summary: 'Say that a drift alarm was seen, and whether the station is judged by its old baseline or a new one',
        params: IdParams,
        body: ref(DriftAcknowledge),
        response: { 200: ref(DriftAlarm), default: ref(Problem) },
      },
    },
    async (request, reply) => {
      const id = requireUuid(request.params.id);
      const alarm = await acknowledgeAlarm(door, request.cause(), request.caller, id, request.body, (current) =>
        expectVersion(request, current),
      );
      etag(reply, alarm.record_version);
      return alarm;
    },
  );
  app.get(
    '/v1/review-dataset',
    {
      config: { permission: 'inference:read', class: 'export' },
      handlerTimeout: EXPORT_MS,
      schema: {
        tags: ['inference'],
        summary: 'What people decided, as a data set with provenance (NDJSON, a manifest first)',
        querystring: ReviewDatasetQuery,
        response: {
          200: {
            description: 'A manifest, then a line an inspection',
            content: { 'application/x-ndjson': { schema: { type: 'string' } } },
          },
          default: ref(Problem),
        },
      },
    },
    async (request, reply) => {
      const { model, site } = request.query;
      const seen = request.caller.site;
      if (site !== undefined && seen !== '*' && site !== seen) throw new ProblemError('not_found');
      return await exports.send(reply, { model: model ?? null, site: site ?? seen, ...timeSpan(request.query) });
    },
  );
}
