import { Ajv2020, type ErrorObject, type Options, type ValidateFunction } from 'ajv/dist/2020.js';
import formatsPlugin from 'ajv-formats';
import type { ProblemDetail } from '../../contracts/problems.ts';
import { isSecretName } from '../telemetry/log.ts';

/** Faults told in one answer; a body of a million wrong items is told its first hundred. */
const MAX_DETAILS = 100;
const MAX_ECHO = 100;
const PART = { body: 'body', querystring: 'query', params: 'path', headers: 'header' } as const;
export type Part = keyof typeof PART;

const OPTIONS: Options = {
  allErrors: true,
  useDefaults: true,
  removeAdditional: false,
  strict: true,
  strictTypes: false,
  strictRequired: false,
  allowUnionTypes: true,
};

function ajvWith(schemas: readonly object[], options: Options): Ajv2020 {
  const ajv = new Ajv2020({ ...OPTIONS, ...options });
  (formatsPlugin as unknown as { default: (ajv: Ajv2020) => void }).default(ajv);
  for (const schema of schemas) ajv.addSchema(schema);
  return ajv;
}

type Compile = (route: { schema: unknown; httpPart?: string }) => ValidateFunction;

export function buildValidator(schemas: Readonly<Record<string, unknown>>): Compile {
  const shared = Object.values(schemas) as object[];
  const strict = ajvWith(shared, {});
  const coercing = ajvWith(shared, { coerceTypes: true });
  return ({ schema, httpPart }) =>
    httpPart === undefined || httpPart === 'body'
      ? strict.compile(schema as object)
      : plainNumbers(coercing.compile(schema as object), schema as object);
}

/**
 * Fastify's validator factory: bodies are never coerced ("5" is not 5), what stands in an address or a header is (it can only be text).
 * JSON Schema 2020-12, as OpenAPI 3.1 has it. Once shapes were added Fastify asks for it again with every route that validates something: 50 to 70 ms of
 * processor time each, so it is made once for the same shapes.
 */
export function validatorFactory(): (schemas: Readonly<Record<string, unknown>>) => Compile {
  const made = new Map<string, Compile>();
  return (schemas) => {
    const names = Object.keys(schemas).sort().join('\n');
    const known = made.get(names) ?? buildValidator(schemas);
    made.set(names, known);
    return known;
  };
}

/** Coercion reads "1e1", "0x10" and " 5" as numbers; an address writes a number in digits. */
function plainNumbers(validate: ValidateFunction, schema: { properties?: Record<string, { type?: string }> }): ValidateFunction {
  const numbers = Object.entries(schema.properties ?? {}).filter(([, { type }]) => type === 'integer' || type === 'number');
  if (numbers.length === 0) return validate;
  const judge = ((data: Record<string, unknown>) => {
    const loose = numbers.filter(([name]) => typeof data[name] === 'string' && !/^-?\d+(\.\d+)?$/.test(data[name]));
    const kept = Object.fromEntries(loose.map(([name]) => [name, data[name]]));
    const fits = validate(data) as boolean;
    const told = (validate.errors ?? []).filter((error) => !loose.some(([name]) => error.instancePath === `/${name}`));
    Object.assign(data, kept);
    const own = loose.map(([name, { type = 'number' }]) => ({
      keyword: 'type',
      instancePath: `/${name}`,
      schemaPath: `#/properties/${name}/type`,
      params: { type },
      message: `must be ${type}`,
    }));
    judge.errors = [...own, ...told];
    return fits && loose.length === 0;
  }) as ValidateFunction;
  return judge;
}

/** A check by the body rules for values that do not come as a whole body: items of a batch, lines of a stream. No detail means: it fits. */
export function bodyChecker(schema: object & { $id?: string }, schemas: readonly object[]): (value: unknown) => ProblemDetail[] {
  const ajv = ajvWith(schemas, {});
  const validate = (schema.$id !== undefined ? ajv.getSchema(schema.$id) : undefined) ?? ajv.compile(schema);
  return (value) => (validate(value) ? [] : detailsOf(validate.errors ?? [], 'body', value));
}

function segments(pointer: string): string[] {
  return pointer === ''
    ? []
    : pointer
        .slice(1)
        .split('/')
        .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

/** Numbers, words and short texts that are no secret; objects are not echoed, they could hold one. */
function echo(path: readonly string[], value: unknown): { invalid_value?: unknown } {
  if (path.some(isSecretName)) return {};
  if (typeof value === 'string')
    return { invalid_value: value.length > MAX_ECHO ? `${value.slice(0, MAX_ECHO - 1)}…`.toWellFormed() : value };
  return typeof value === 'number' || typeof value === 'boolean' || value === null ? { invalid_value: value } : {};
}

/** Ajv's faults in the words of the contract: `body -> lot_id`, the missing or extra name at the end of the path, the keyword as `constraint`. */
export function detailsOf(errors: readonly ErrorObject[], part: Part, root: unknown): ProblemDetail[] {
  const details: ProblemDetail[] = [];
  const seen = new Set<string>();
  for (const error of errors) {
    if (details.length >= MAX_DETAILS) break;
    const path = segments(error.instancePath);
    const params = error.params as Record<string, unknown>;
    const missing = params.missingProperty;
    const extra = params.additionalProperty ?? params.unevaluatedProperty;
    if (typeof missing === 'string') path.push(missing);
    if (typeof extra === 'string') path.push(extra);
    const field = [PART[part], ...path].join(' -> ');
    const message =
      typeof missing === 'string'
        ? 'This field is required'
        : typeof extra === 'string'
          ? 'This field is not known here'
          : error.keyword === 'enum'
            ? `must be one of ${JSON.stringify(params.allowedValues).slice(1, -1)}`
            : (error.message ?? 'does not fit');
    const key = `${field} ${error.keyword} ${message}`;
    if (seen.has(key)) continue;
    seen.add(key);
    details.push({ field, message, ...(typeof missing === 'string' ? {} : echo(path, valueAt(root, path))), constraint: error.keyword });
  }
  return details;
}
