import { type Static, Type } from 'typebox';
import { BOARD_CLASSES, Defect, Severity } from './defects.ts';
import { Inspection } from './inspections.ts';
import { Disagreement } from './models.ts';
import { nullable, PageQuery, PRINTABLE, page, Reason, ref, SiteCode, Timestamp, Uuid } from './primitives.ts';

/**
 * Why an item stands in the queue. `waiting`: the inspection has no verdict without a person. The others have theirs and ask for a look that changes
 * none by itself: `audit`, a pass drawn at random; `severity`, a fail with defects so grave that a person confirms them; `disagreement`, two versions
 * of a model that call the board otherwise; `repeat`, an answered audit that is asked again of another person, or of a third where two differ.
 */
export const REVIEW_KINDS = ['waiting', 'severity', 'disagreement', 'audit', 'repeat'] as const;
export const ReviewKind = Type.Enum([...REVIEW_KINDS]);
export type ReviewKind = (typeof REVIEW_KINDS)[number];

const { id, model, role, production_version, candidate_version, decided_by, differences } = Disagreement.properties;
/** What two versions called otherwise, and the id to settle it by: `POST /v1/model-disagreements/{id}`. */
export const ReviewDisagreement = Type.Object(
  {
    id,
    model,
    role,
    production_version,
    candidate_version,
    decided_by,
    calls_differ: Type.Integer({ minimum: 1, description: 'Calls of one version alone, or of one place with another class' }),
    differences,
  },
  { $id: 'ReviewDisagreement', additionalProperties: false },
);
export type ReviewDisagreement = Static<typeof ReviewDisagreement>;

export const LOOK_OUTCOMES = ['agrees', 'disagrees', 'cannot_tell'] as const;
const Outcome = Type.Enum([...LOOK_OUTCOMES]);
export type LookOutcome = (typeof LOOK_OUTCOMES)[number];

/** An audit that is asked again, and the id to answer it by: `POST /v1/repeated-looks/{id}`. */
export const Repeat = Type.Object(
  {
    id: Uuid,
    turn: Type.Enum(['second', 'third']),
    answers: Type.Array(Type.Object({ by: Type.String(), outcome: Outcome }, { additionalProperties: false }), {
      description: 'What the two said who differ; for the third alone',
    }),
  },
  { $id: 'Repeat', additionalProperties: false },
);
export type Repeat = Static<typeof Repeat>;

export const ReviewItem = Type.Object(
  {
    kind: ReviewKind,
    inspection: ref(Inspection),
    why: Type.String({
      description:
        'A waiting reason (input_timeout, unreadable_image, model_failed, no_limits, uncertain, ...), or random_audit, critical_defect, models_disagree, second_opinion, third_opinion',
    }),
    worst_severity: nullable(Severity),
    worst_score: nullable(Type.Number()),
    waiting_since: Timestamp,
    defects: Type.Array(ref(Defect)),
    disagreement: Type.Unsafe<ReviewDisagreement | null>({
      anyOf: [{ $ref: 'ReviewDisagreement#' }, { type: 'null' }],
      description: 'With kind disagreement',
    }),
    repeat: Type.Unsafe<Repeat | null>({ anyOf: [{ $ref: 'Repeat#' }, { type: 'null' }], description: 'With kind repeat' }),
  },
  { $id: 'ReviewItem', additionalProperties: false },
);
export type ReviewItem = Static<typeof ReviewItem>;
export const ReviewPage = page(ref(ReviewItem), 'ReviewPage');
export const ReviewQuery = Type.Object({ ...PageQuery, kind: Type.Optional(ReviewKind) }, { additionalProperties: false });

/** A place on the picture that a person marked: a pixel at the least. */
const MarkedBox = Type.Object(
  {
    x: Type.Number({ minimum: 0 }),
    y: Type.Number({ minimum: 0 }),
    width: Type.Number({ minimum: 1 }),
    height: Type.Number({ minimum: 1 }),
  },
  { additionalProperties: false, description: 'Pixels of the inspected picture, inside of it' },
);
const Missed = Type.Optional(
  Type.Array(Type.Object({ class: Type.Enum([...BOARD_CLASSES]), box: MarkedBox }, { additionalProperties: false }), {
    maxItems: 50,
    description: 'Defects that nobody called: each becomes a confirmed defect of the inspection, found by a person',
  }),
);

/** Looks at which a person may find what nobody called. */
export const MISSED_AT = ['audit', 'disagreement'] as const;
export type MissedAt = (typeof MISSED_AT)[number];

/**
 * What a person says of an inspection that was drawn for an audit. `disagrees` names at least one defect that was missed; the others name none. At a
 * disagreement of two versions only what was missed is said here (`disagrees`); which version is right is said of the disagreement.
 */
export const InspectionReview = Type.Object(
  {
    at: Type.Optional(
      Type.Enum([...MISSED_AT], {
        default: 'audit',
        description:
          'The look that this answers. What is found at a disagreement is a defect of the inspection like any other, and no escape of the escape rate: those boards were not drawn by chance',
      }),
    ),
    outcome: Outcome,
    missed: Missed,
    note: Type.Optional(Reason),
  },
  { $id: 'InspectionReview', additionalProperties: false },
);
export type InspectionReview = Static<typeof InspectionReview>;

/** What another person says of an audit that was answered. Only a third, who decides, names what was missed, unless it is marked already. */
export const RepeatReview = Type.Object(
  { outcome: Outcome, missed: Missed, note: Type.Optional(Reason) },
  { $id: 'RepeatReview', additionalProperties: false },
);
export type RepeatReview = Static<typeof RepeatReview>;
export const Repeated = Type.Object(
  {
    id: Uuid,
    inspection_id: Uuid,
    turn: Type.Enum(['second', 'third'], { description: 'The one that this answer was' }),
    outcome: Outcome,
    state: Type.Enum(['second', 'third', 'done'], { description: 'Whose answer is asked for now; done: nobody’s' }),
    defects: Type.Array(ref(Defect), { description: 'Those that this answer marked or rejected' }),
  },
  { $id: 'Repeated', additionalProperties: false },
);
export type Repeated = Static<typeof Repeated>;

/** A look that was asked for, and what came of it. */
export const Look = Type.Object(
  {
    inspection_id: Uuid,
    kind: ReviewKind,
    why: Type.String(),
    asked_at: Timestamp,
    outcome: nullable(Outcome),
    missed: Type.Integer({ description: 'Defects that the person added' }),
    note: nullable(Type.String()),
    reviewed_by: nullable(Type.String()),
    reviewed_at: nullable(Timestamp),
  },
  { $id: 'Look', additionalProperties: false },
);
export type Look = Static<typeof Look>;

export const InspectionReviewed = Type.Object(
  {
    look: ref(Look),
    inspection: ref(Inspection),
    defects: Type.Array(ref(Defect), { description: 'Those that this review added' }),
  },
  { $id: 'InspectionReviewed', additionalProperties: false },
);
export type InspectionReviewed = Static<typeof InspectionReviewed>;

/** `format` has one value today; `from` and `to` bound when the run ended. */
export const ReviewDatasetQuery = Type.Object(
  {
    format: Type.Optional(Type.Enum(['ndjson'], { default: 'ndjson' })),
    model: Type.Optional(Type.String({ minLength: 1, maxLength: 100, pattern: PRINTABLE })),
    site: Type.Optional(SiteCode),
    from: Type.Optional(Timestamp),
    to: Type.Optional(Timestamp),
  },
  { additionalProperties: false },
);
