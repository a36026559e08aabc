import type { BoardClass, Defect } from '../../../src/contracts/defects.ts';
import type { Inspection, Verdict } from '../../../src/contracts/inspections.ts';
import type { Lot } from '../../../src/contracts/masterdata.ts';
import type { Disagreement, SettleRequest } from '../../../src/contracts/models.ts';
import type { InspectionReview, InspectionReviewed, Repeat, Repeated, RepeatReview } from '../../../src/contracts/review.ts';
import type { Api } from './client.ts';

/** Each change carries a key made when the person decided, so that sending it again after a break has one effect. */
export interface Sending {
  key: string;
  keepalive?: boolean;
  signal?: AbortSignal;
}
const sending = ({ key, keepalive, signal }: Sending) => ({
  method: 'POST' as const,
  idempotencyKey: key,
  ...(keepalive ? { keepalive } : {}),
  ...(signal ? { signal } : {}),
});

export type Decision = { decision: 'confirm' } | { decision: 'reject' } | { decision: 'reclassify'; class: BoardClass };

export const reviewDefect = (api: Api, defect: Pick<Defect, 'id' | 'version'>, decision: Decision, how: Sending) =>
  api.json<Defect>(`/v1/defects/${defect.id}/review`, { ...sending(how), body: decision, ifMatch: defect.version });

export const completeInspection = (
  api: Api,
  inspection: Pick<Inspection, 'id' | 'version'>,
  verdict: Verdict,
  reason: string,
  how: Sending,
) =>
  api.json<Inspection>(`/v1/inspections/${inspection.id}/complete`, {
    ...sending(how),
    body: { verdict, reason },
    ifMatch: inspection.version,
  });

/**
 * Without a version: what the same person said of a finding a moment before may have moved the inspection on. A second answer is refused whatever
 * the version, because an audit is answered once.
 */
export const reviewInspection = (api: Api, { id }: Pick<Inspection, 'id'>, review: InspectionReview, how: Sending) =>
  api.json<InspectionReviewed>(`/v1/inspections/${id}/review`, { ...sending(how), body: review });

/** Another person's word on an answered audit. */
export const answerRepeat = (api: Api, { id }: Pick<Repeat, 'id'>, review: RepeatReview, how: Sending) =>
  api.json<Repeated>(`/v1/repeated-looks/${id}`, { ...sending(how), body: review });

/** Which of two versions called a board rightly. */
export const settle = (api: Api, { id }: Pick<Disagreement, 'id'>, right: SettleRequest['right'], how: Sending) =>
  api.json<Disagreement>(`/v1/model-disagreements/${id}`, { ...sending(how), body: { right } });

export const decideLot = (api: Api, lot: Lot, act: 'hold' | 'release', reason: string, key: string) =>
  api.json<Lot>(`/v1/lots/${encodeURIComponent(lot.lot_id)}/${act}`, {
    ...sending({ key }),
    query: { site: lot.site },
    body: { reason },
    ifMatch: lot.version,
  });
