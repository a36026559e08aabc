import { type Static, type TSchema, Type } from 'typebox';

/**
 * A named schema is registered once with the HTTP layer under its `$id`; routes and other schemas point at it by `$ref`,
 * so that the OpenAPI document shows one component per shape. The static type is kept.
 */
export function ref<T extends TSchema & { $id?: string }>(schema: T) {
  if (!schema.$id) throw new Error('ref() needs a schema with an $id');
  return Type.Unsafe<Static<T>>({ $ref: `${schema.$id}#` });
}

/** JSON Schema 2020-12 writes "or null" as a list of types; OpenAPI 3.1 has no `nullable`. */
export function nullable<T extends TSchema>(schema: T) {
  const { type, enum: values, ...rest } = schema as unknown as { type?: string | string[]; enum?: unknown[] };
  const types = type === undefined ? ['string'] : Array.isArray(type) ? type : [type];
  return Type.Unsafe<Static<T> | null>({ ...rest, type: [...types, 'null'], ...(values ? { enum: [...values, null] } : {}) });
}

/** No control characters: identifiers are printed, logged and scanned as barcodes. */
export const PRINTABLE = '^[^\\u0000-\\u001f\\u007f-\\u009f]*$';

/** What a column of whole numbers holds at most. */
const MAX_COUNT = 2_147_483_647;
export const isCount = (value: unknown): value is number => Number.isInteger(value) && Math.abs(value as number) <= MAX_COUNT;

export const Uuid = Type.String({ format: 'uuid', description: 'UUIDv7: time-ordered, made by the platform' });
export const Timestamp = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, Z' });
export const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });
export const LotId = Type.String({
  minLength: 3,
  maxLength: 50,
  description: 'Manufacturing lot identifier. Upper-cased, then held to the pattern of the site (default ^LOT-\\d{4}-\\d{3}$)',
  examples: ['LOT-2025-001'],
});
export const ChipId = Type.String({
  minLength: 3,
  maxLength: 100,
  pattern: PRINTABLE,
  description: 'Individual chip identifier',
  examples: ['PCB-A1234'],
});
export const StationId = Type.String({ minLength: 1, maxLength: 100, pattern: PRINTABLE, examples: ['AOI-LINE-1'] });
export const SiteCode = Type.String({ minLength: 1, maxLength: 50, pattern: PRINTABLE });
export const ProductCode = Type.String({ minLength: 1, maxLength: 60, pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$' });
export const RevisionCode = Type.String({ minLength: 1, maxLength: 30, pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$' });
export const Reason = Type.String({ minLength: 1, maxLength: 1000, pattern: '\\S', description: 'Why, in words; kept in the audit trail' });

/** The number of a version, as a request names one: what is greater than a column of PostgreSQL holds names none. */
export const VersionNumber = Type.Integer({ minimum: 1, maximum: MAX_COUNT });

/** Pixels of the inspected picture, origin at the upper left. */
export const Box = Type.Object(
  { x: Type.Number(), y: Type.Number(), width: Type.Number({ minimum: 0 }), height: Type.Number({ minimum: 0 }) },
  { $id: 'Box', additionalProperties: false },
);
export type Box = Static<typeof Box>;

export const IdParams = Type.Object({ id: Type.String({ maxLength: 200 }) });

/** Every list is a page in keyset order. `next_cursor` is opaque and belongs to the same filters. */
export function page<T extends TSchema>(item: T, $id: string) {
  return Type.Object(
    { data: Type.Array(item), has_more: Type.Boolean(), next_cursor: nullable(Type.String()) },
    { $id, additionalProperties: false },
  );
}
export const PageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
};
