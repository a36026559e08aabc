import { type Static, Type } from 'typebox';
import { nullable, PageQuery, StationId } from './primitives.ts';

export const SequenceGap = Type.Object(
  { from: Type.Integer({ minimum: 1 }), to: Type.Integer({ minimum: 1, description: 'Inclusive' }) },
  { $id: 'SequenceGap', additionalProperties: false },
);
export type SequenceGap = Static<typeof SequenceGap>;

/** Which numbers of a station have arrived. `count`, `late` and `data` speak of the numbers from `from` to `to`: one answer looks at 50,000 at most. */
export const StationSequence = Type.Object(
  {
    station_id: StationId,
    epoch: nullable(Type.Integer({ description: 'The count that is looked at; null when the station never sent a number' })),
    epochs: Type.Array(Type.Integer(), { description: 'The newest 20 epochs, greatest first' }),
    highest: nullable(Type.Integer({ description: 'Greatest number of this epoch that has arrived' })),
    from: Type.Integer(),
    to: Type.Integer(),
    count: Type.Integer({ description: 'Inspections that have arrived' }),
    late: Type.Integer({ description: 'Of these, received more than a minute after inspected_at' }),
    longest_delay_seconds: nullable(Type.Number({ description: 'Between inspected_at and created_at, of those that name it' })),
    data: Type.Array(Type.Unsafe<SequenceGap>({ $ref: 'SequenceGap#' }), { description: 'Ranges that are missing, in order' }),
    has_more: Type.Boolean(),
    next_cursor: nullable(Type.String()),
  },
  { $id: 'StationSequence', additionalProperties: false },
);
export type StationSequence = Static<typeof StationSequence>;

export const SequenceQuery = Type.Object(
  {
    ...PageQuery,
    epoch: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'The greatest when left out' })),
  },
  { additionalProperties: false },
);
