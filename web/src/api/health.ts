import { queryOptions } from '@tanstack/react-query';

export interface Part {
  status: 'ok' | 'degraded' | 'unavailable';
  /** What the platform says of it, in English. */
  detail?: string;
}
export interface Health {
  status: Part['status'];
  parts: Readonly<Record<string, Part>>;
}

const EVERY = 30_000;

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);
/** @throws where the answer is not the platform's: something in between may answer in its place, with any text at all */
export function healthOf(answer: unknown): Health {
  const parts = isObject(answer) && 'parts' in answer ? answer.parts : null;
  if (!isObject(parts) || !Object.values(parts).every(isObject)) throw new Error('an answer that names no parts');
  return answer as Health;
}

/** Asked without a token, and read whatever the status of the answer: a 503 tells of its parts too. */
export const health = () =>
  queryOptions({
    queryKey: ['health'],
    queryFn: async ({ signal }) => healthOf(await (await fetch('/health', { signal })).json()),
    refetchInterval: EVERY,
    retry: false,
  });

/** In the order in which they stop the line. */
const ORDER = ['storage', 'database', 'inspection', 'inference', 'bus', 'workers', 'redis', 'replica'] as const;
export type KnownPart = (typeof ORDER)[number];
const rankOf = (name: string) => (ORDER.includes(name as KnownPart) ? ORDER.indexOf(name as KnownPart) : ORDER.length);

export interface Unwell extends Part {
  name: string;
  /** Null for a part that this page has no words for: it is shown all the same. */
  known: KnownPart | null;
}
/** What is not well, the gravest for the line first. */
export function unwell({ parts }: Pick<Health, 'parts'>): Unwell[] {
  return Object.entries(parts)
    .filter(([, { status }]) => status !== 'ok')
    .map(([name, part]) => ({ ...part, name, known: ORDER.find((known) => known === name) ?? null }))
    .sort((a, b) => rankOf(a.name) - rankOf(b.name));
}
