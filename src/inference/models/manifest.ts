import { type Static, Type } from 'typebox';
import { Check, Errors } from 'typebox/value';
import { BOARD_CLASSES } from '../../contracts/defects.ts';

const Facts = Type.Record(Type.String(), Type.Unknown());

/** `models/<name>/<version>/manifest.json`, written by `training/calibrate.py` beside the model it describes. */
export const Manifest = Type.Object({
  name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$', maxLength: 100 }),
  version: Type.Integer({ minimum: 1 }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  /** Channels of `heat`, in order. */
  classes: Type.Array(Type.Enum([...BOARD_CLASSES]), { minItems: 1 }),
  /** Platt scaling: p = 1 / (1 + exp(-(a * ln(s / (1 - s)) + b))). Falling with the score would turn findings round, so a > 0. */
  calibration: Type.Object({ a: Type.Number({ exclusiveMinimum: 0 }), b: Type.Number() }),
  /** Per class, on the calibrated score. */
  thresholds: Type.Record(Type.String(), Type.Number({ minimum: 0, maximum: 1 })),
  nms_iou: Type.Number({ minimum: 0, maximum: 1 }),
  /** `research`: trained on data that allow no other use. Runs when somebody names it and never decides. */
  use: Type.Optional(Type.Enum(['research'])),
  input: Type.Optional(Facts),
  outputs: Type.Optional(Facts),
  training: Type.Optional(Facts),
  metrics: Type.Optional(Facts),
  validation: Type.Optional(Facts),
});
export type Manifest = Static<typeof Manifest>;

/** @throws Error with every fault in words */
export function readManifest(text: string): Manifest {
  const value: unknown = JSON.parse(text);
  if (!Check(Manifest, value)) {
    const faults = [...Errors(Manifest, value)].map((error) => `${error.instancePath || '/'} ${error.message}`);
    throw new Error(`manifest.json: ${faults.join('; ')}`);
  }
  const silent = value.classes.filter((name) => value.thresholds[name] === undefined);
  if (silent.length > 0) throw new Error(`manifest.json: no threshold for ${silent.join(', ')}`);
  return value;
}
