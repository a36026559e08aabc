import { type Static, Type } from 'typebox';
import { nullable, PRINTABLE, Timestamp, Uuid } from './primitives.ts';

const Characteristic = Type.String({ minLength: 1, maxLength: 100, pattern: PRINTABLE });
const Unit = Type.String({ minLength: 1, maxLength: 20, pattern: PRINTABLE });

export const MeasurementCreate = Type.Object(
  {
    characteristic: Characteristic,
    value: Type.Number(),
    unit: Unit,
    lsl: Type.Optional(
      nullable(Type.Number({ description: 'Lower specification limit; counts only where the product revision is silent' })),
    ),
    usl: Type.Optional(
      nullable(Type.Number({ description: 'Upper specification limit; counts only where the product revision is silent' })),
    ),
    target: Type.Optional(nullable(Type.Number())),
  },
  { $id: 'MeasurementCreate', additionalProperties: false },
);
export type MeasurementCreate = Static<typeof MeasurementCreate>;
export const MeasurementsCreate = Type.Array(Type.Unsafe<MeasurementCreate>({ $ref: 'MeasurementCreate#' }), {
  $id: 'MeasurementsCreate',
  minItems: 1,
  maxItems: 1000,
});

export const Measurement = Type.Object(
  {
    id: Uuid,
    inspection_id: Uuid,
    characteristic: Characteristic,
    value: Type.Number(),
    unit: Unit,
    lsl: nullable(Type.Number({ description: 'As posted; once judged, the limit that judged it' })),
    usl: nullable(Type.Number({ description: 'As posted; once judged, the limit that judged it' })),
    target: nullable(Type.Number()),
    limits_from: nullable(Type.Enum(['revision', 'posted'], { description: 'Whose limits judged it; null until judged' })),
    in_limits: nullable(Type.Boolean()),
    created_at: Timestamp,
  },
  { $id: 'Measurement', additionalProperties: false },
);
export type Measurement = Static<typeof Measurement>;
export const MeasurementList = Type.Object(
  { data: Type.Array(Type.Unsafe<Measurement>({ $ref: 'Measurement#' })), has_more: Type.Boolean(), next_cursor: nullable(Type.String()) },
  { $id: 'MeasurementList', additionalProperties: false },
);
