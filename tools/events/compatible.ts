/** JSON Schema as far as payloads use it. */
export interface Shape {
  type?: string | string[];
  enum?: unknown[];
  properties?: Record<string, Shape>;
  required?: string[];
  items?: Shape;
  patternProperties?: Record<string, Shape>;
}

const KEPT = ['type', 'enum', 'properties', 'required', 'items', 'patternProperties', 'anyOf', 'const', 'format', 'pattern'] as const;

/** What of a schema binds a reader, in one order of names: texts for people and limits of a writer are left out. */
export function shapeOf(schema: object): Shape {
  const found: Record<string, unknown> = {};
  for (const name of KEPT) {
    const value = (schema as Record<string, unknown>)[name];
    if (value === undefined) continue;
    if (name === 'properties' || name === 'patternProperties')
      found[name] = Object.fromEntries(
        Object.entries(value as Record<string, object>)
          .sort(([one], [other]) => (one < other ? -1 : 1))
          .map(([key, inner]) => [key, shapeOf(inner)]),
      );
    else if (name === 'items') found[name] = shapeOf(value as object);
    else if (name === 'required') found[name] = [...(value as string[])].sort();
    else found[name] = value;
  }
  return found as Shape;
}

const listed = (value: unknown): string => JSON.stringify(value ?? null);

/**
 * What of a change old events or old readers would not bear under the same version: a field that is gone, of another type, newly required (old events lack
 * it) or no longer required (old readers count on it), a value that is no longer among those listed. A new optional field and a new value of a list pass.
 */
export function breaks(old: Shape, now: Shape, path = 'payload'): string[] {
  const found: string[] = [];
  if (listed(old.type) !== listed(now.type)) found.push(`${path}: type was ${listed(old.type)} and is ${listed(now.type)}`);
  for (const rule of ['anyOf', 'const', 'format', 'pattern'] as const) {
    const [before, after] = [listed((old as Record<string, unknown>)[rule]), listed((now as Record<string, unknown>)[rule])];
    if (before !== after) found.push(`${path}: ${rule} was ${before} and is ${after}`);
  }
  if ((old.enum === undefined) !== (now.enum === undefined)) found.push(`${path}: a list of values came or went`);
  for (const value of old.enum ?? []) if (now.enum && !now.enum.includes(value)) found.push(`${path}: the value ${listed(value)} is gone`);
  const [needed, needs] = [new Set(old.required), new Set(now.required)];
  for (const [name, inner] of Object.entries(old.properties ?? {})) {
    const next = now.properties?.[name];
    if (!next) {
      found.push(`${path}.${name} is gone`);
      continue;
    }
    if (needed.has(name) !== needs.has(name)) found.push(`${path}.${name} is ${needs.has(name) ? 'newly' : 'no longer'} required`);
    found.push(...breaks(inner, next, `${path}.${name}`));
  }
  for (const name of needs) if (!old.properties?.[name]) found.push(`${path}.${name} is new and required`);
  if (old.items || now.items) found.push(...breaks(old.items ?? {}, now.items ?? {}, `${path}[]`));
  for (const [name, inner] of Object.entries(old.patternProperties ?? {}))
    found.push(...breaks(inner, now.patternProperties?.[name] ?? {}, `${path}{}`));
  return found;
}

/** Every change of the newest payloads against what was once sent, by `type@version`. */
export function judgeSchemas(
  kept: Readonly<Record<string, Shape>>,
  payloads: Readonly<Record<string, object>>,
  versions: Readonly<Record<string, readonly number[]>>,
): { next: Record<string, Shape>; faults: string[] } {
  const faults: string[] = [];
  const next: Record<string, Shape> = {};
  for (const [type, known] of Object.entries(versions)) {
    const newest = Math.max(...known);
    for (const version of [...known].sort((one, other) => one - other)) {
      const name = `${type}@${version}`;
      const before = kept[name];
      if (version === newest) {
        const now = shapeOf(payloads[type] ?? {});
        next[name] = now;
        if (before) faults.push(...breaks(before, now).map((fault) => `${name}: ${fault}; it needs a new schema_version`));
      } else if (before) next[name] = before;
      else faults.push(`${name}: nothing is known of this version`);
    }
  }
  for (const name of Object.keys(kept))
    if (!versions[name.split('@')[0] ?? '']) faults.push(`${name}: the type is gone; readers of kept events need it`);
  return { next, faults };
}
