import { type Static, Type } from 'typebox';
import { Defect, Severity } from './defects.ts';
import { Inspection } from './inspections.ts';
import { nullable, PageQuery, page, ref, Timestamp } from './primitives.ts';

export const ReviewItem = Type.Object(
  {
    inspection: ref(Inspection),
    why: Type.String({ description: 'A waiting reason: input_timeout, unreadable_image, model_failed, no_limits, uncertain, ...' }),
    worst_severity: nullable(Severity),
    worst_score: nullable(Type.Number()),
    waiting_since: Timestamp,
    defects: Type.Array(ref(Defect)),
  },
  { $id: 'ReviewItem', additionalProperties: false },
);
export type ReviewItem = Static<typeof ReviewItem>;
export const ReviewPage = page(ref(ReviewItem), 'ReviewPage');
export const ReviewQuery = Type.Object({ ...PageQuery }, { additionalProperties: false });
