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

/** Asked without a token, and read whatever the status of the answer: a 503 tells of its parts too. */
export const health = () =>
  queryOptions({
    queryKey: ['health'],
    queryFn: async ({ signal }) => (await (await fetch('/health', { signal })).json()) as Health,
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
