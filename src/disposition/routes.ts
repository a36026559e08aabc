import { Type } from 'typebox';
import { Defect, DefectReview } from '../contracts/defects.ts';
import { Inspection, InspectionComplete } from '../contracts/inspections.ts';
import { isPrintable } from '../contracts/lot-id.ts';
import { Lot, LotDecision } from '../contracts/masterdata.ts';
import { IdParams, ref, SiteCode } from '../contracts/primitives.ts';
import { Problem } from '../contracts/problems.ts';
import { InspectionReview, InspectionReviewed, Repeated, RepeatReview } from '../contracts/review.ts';
import type { Door } from '../platform/db/door.ts';
import type { App } from '../platform/http/app.ts';
import { etag, expectVersion } from '../platform/http/conditional.ts';
import { requireUuid } from '../platform/http/ids.ts';
import { ProblemError } from '../platform/problem.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import { answerRepeat } from './answer-repeat.ts';
import { completeInspection } from './complete-inspection.ts';
import { tellMoves } from './consumer.ts';
import type { ReviewSettings } from './looks.ts';
import { requestLot } from './lots.ts';
import { reviewDefect } from './review-defect.ts';
import { reviewInspection } from './review-inspection.ts';

const LotParams = Type.Object({ lot_id: Type.String({ maxLength: 200 }) });
const LotSite = Type.Object({ site: Type.Optional(SiteCode) }, { additionalProperties: false });

export interface DecisionRoutesDeps {
  door: Door;
  metrics: Pick<Metrics, 'inspection'>;
  review: ReviewSettings;
}

/** What people decide: a unit by hand, a defect, a lot. */
export function decisionRoutes(app: App, { door, metrics, review }: DecisionRoutesDeps): void {
  app.post(
    '/v1/inspections/:id/complete',
    {
      config: { permission: 'inspections:write', person: true, etag: true, ifMatch: true },
      schema: {
        tags: ['inspections'],
        summary: 'Judge an inspection by hand',
        params: IdParams,
        body: ref(InspectionComplete),
        response: { 200: ref(Inspection), default: ref(Problem) },
      },
    },
    async (request, reply) => {
      const { verdict, reason } = request.body;
      const judgeVersion = (current: number) => expectVersion(request, current);
      const { inspection, moved } = await completeInspection(
        door,
        request.cause(),
        request.caller,
        requireUuid(request.params.id),
        { verdict, reason },
        judgeVersion,
      );
      tellMoves(metrics, { moved });
      etag(reply, inspection.version);
      return inspection;
    },
  );
  app.post(
    '/v1/defects/:id/review',
    {
      config: { permission: 'defects:review', person: true, etag: true, ifMatch: true },
      schema: {
        tags: ['inspections'],
        summary: 'Confirm, reject or reclassify a defect',
        params: IdParams,
        body: ref(DefectReview),
        response: { 200: ref(Defect), default: ref(Problem) },
      },
    },
    async (request, reply) => {
      const id = requireUuid(request.params.id);
      const { defect, moved } = await reviewDefect(door, request.cause(), request.caller, id, request.body, (current) =>
        expectVersion(request, current),
      );
      tellMoves(metrics, { moved });
      etag(reply, defect.version);
      return defect;
    },
  );
  app.post(
    '/v1/inspections/:id/review',
    {
      config: { permission: 'defects:review', person: true, etag: (said: InspectionReviewed) => said.inspection.version, ifMatch: true },
      schema: {
        tags: ['inspections'],
        summary: 'Answer an audit: nothing was missed, something was, or it cannot be told; or name what was missed at a disagreement',
        params: IdParams,
        body: ref(InspectionReview),
        response: { 200: ref(InspectionReviewed), default: ref(Problem) },
      },
    },
    async (request, reply) => {
      const id = requireUuid(request.params.id);
      const judgeVersion = (current: number) => expectVersion(request, current);
      const { reviewed, moved } = await reviewInspection(door, request.cause(), request.caller, id, request.body, judgeVersion, review);
      tellMoves(metrics, { moved });
      etag(reply, reviewed.inspection.version);
      return reviewed;
    },
  );
  app.post(
    '/v1/repeated-looks/:id',
    {
      config: { permission: 'defects:review', person: true },
      schema: {
        tags: ['inspections'],
        summary: 'Answer an audit again, as another person; or decide, as a third, where two differ',
        params: IdParams,
        body: ref(RepeatReview),
        response: { 200: ref(Repeated), default: ref(Problem) },
      },
    },
    async (request) => {
      const { repeated, moved } = await answerRepeat(door, request.cause(), request.caller, requireUuid(request.params.id), request.body);
      tellMoves(metrics, { moved });
      return repeated;
    },
  );
  for (const [path, state, summary] of [
    ['/v1/lots/:lot_id/hold', 'held', 'Hold a lot'],
    ['/v1/lots/:lot_id/release', 'released', 'Release a lot'],
  ] as const) {
    app.post(
      path,
      {
        // A machine that was given the scope may stop a lot; letting it go is a person's word.
        config: { permission: 'lots:disposition', ...(state === 'released' && { person: true }), etag: true, ifMatch: true },
        schema: {
          tags: ['inspections'],
          summary,
          params: LotParams,
          querystring: LotSite,
          body: ref(LotDecision),
          response: { 200: ref(Lot), default: ref(Problem) },
        },
      },
      async (request, reply) => {
        const lotId = request.params.lot_id.toUpperCase();
        if (!isPrintable(lotId)) throw new ProblemError('not_found');
        const lot = await requestLot(door, request.cause(), request.caller, {
          lotId,
          site: request.query.site,
          state,
          reason: request.body.reason,
          judgeVersion: (current) => expectVersion(request, current),
        });
        etag(reply, lot.version);
        return lot;
      },
    );
  }
}
