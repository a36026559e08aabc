import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import type { Static } from 'typebox';
import type { Me } from '../../../src/contracts/identity.ts';
import type { ModelSummary as ModelSummaryShape, ModelVersion } from '../../../src/contracts/inference.ts';
import type { Inspection } from '../../../src/contracts/inspections.ts';
import type { Lot, Site, Station } from '../../../src/contracts/masterdata.ts';
import type { ReviewItem, ReviewKind } from '../../../src/contracts/review.ts';
import type { Api } from './client.ts';

export type ModelSummary = Static<typeof ModelSummaryShape>;

/** A page of any list of the API. */
export interface Page<T> {
  data: T[];
  has_more: boolean;
  next_cursor: string | null;
}

/** Filters of `GET /v1/inspections`, as they stand in the address too. */
export interface InspectionFilter {
  status?: string;
  inspection_type?: string;
  lot_id?: string;
  chip_id?: string;
  station_id?: string;
  site?: string;
  verdict?: string;
  from?: string;
  to?: string;
}

const EVERYTHING = 'defects,artifacts,measurements,inference';

export const reads = (api: Api) => ({
  me: () => queryOptions({ queryKey: ['me'], queryFn: ({ signal }) => api.json<Me>('/v1/me', { signal }), staleTime: Infinity }),

  inspection: (id: string) =>
    queryOptions({
      queryKey: ['inspection', id],
      queryFn: ({ signal }) =>
        api.json<Inspection>(`/v1/inspections/${encodeURIComponent(id)}`, { query: { include: EVERYTHING }, signal }),
    }),

  inspections: (filter: InspectionFilter, include: string | undefined, limit = 50) =>
    infiniteQueryOptions({
      queryKey: ['inspections', filter, include, limit],
      initialPageParam: '',
      queryFn: ({ pageParam, signal }) =>
        api.json<Page<Inspection>>('/v1/inspections', { query: { ...filter, include, limit, cursor: pageParam }, signal }),
      getNextPageParam: (page) => (page.has_more ? page.next_cursor : null),
    }),

  fails: (limit: number) =>
    queryOptions({
      queryKey: ['fails', limit],
      queryFn: ({ signal }) =>
        api.json<Page<Inspection>>('/v1/inspections', {
          query: { verdict: 'fail', include: 'defects,artifacts', limit },
          signal,
        }),
    }),

  unit: (chip: string) =>
    infiniteQueryOptions({
      queryKey: ['unit', chip],
      initialPageParam: '',
      queryFn: ({ pageParam, signal }) =>
        api.json<Page<Inspection> & { chip_id: string }>(`/v1/units/${encodeURIComponent(chip)}`, {
          query: { cursor: pageParam, limit: 100 },
          signal,
        }),
      getNextPageParam: (page) => (page.has_more ? page.next_cursor : null),
    }),

  lots: (filter: { state?: string; site?: string }, limit = 50) =>
    infiniteQueryOptions({
      queryKey: ['lots', filter, limit],
      initialPageParam: '',
      queryFn: ({ pageParam, signal }) => api.json<Page<Lot>>('/v1/lots', { query: { ...filter, limit, cursor: pageParam }, signal }),
      getNextPageParam: (page) => (page.has_more ? page.next_cursor : null),
    }),

  lot: (lot: string, site?: string) =>
    queryOptions({
      queryKey: ['lot', lot, site ?? ''],
      queryFn: ({ signal }) => api.json<Lot>(`/v1/lots/${encodeURIComponent(lot)}`, { query: { site }, signal }),
    }),

  /** The newest inspections of a lot, for its map. Kept apart from the lists, so that events make it old. */
  lotUnits: (lot: string, site: string) =>
    infiniteQueryOptions({
      queryKey: ['units', lot, site],
      initialPageParam: '',
      queryFn: ({ pageParam, signal }) =>
        api.json<Page<Inspection>>('/v1/inspections', { query: { lot_id: lot, site, limit: 100, cursor: pageParam }, signal }),
      getNextPageParam: (page) => (page.has_more ? page.next_cursor : null),
      staleTime: 5_000,
    }),

  sites: () =>
    queryOptions({
      queryKey: ['sites'],
      queryFn: ({ signal }) => api.json<Page<Site>>('/v1/sites', { query: { limit: 100 }, signal }),
      staleTime: 60_000,
    }),

  review: (kind?: ReviewKind) =>
    queryOptions({
      queryKey: ['review', kind ?? ''],
      queryFn: ({ signal }) => api.json<Page<ReviewItem>>('/v1/review-queue', { query: { limit: 100, kind }, signal }),
    }),

  /** How many wait, for those who may not see the queue. */
  waiting: () =>
    queryOptions({
      queryKey: ['review', 'inspections'],
      queryFn: ({ signal }) => api.json<Page<Inspection>>('/v1/inspections', { query: { status: 'awaiting_review', limit: 100 }, signal }),
    }),

  stations: () =>
    queryOptions({
      queryKey: ['stations'],
      queryFn: async ({ signal }) => {
        const stations: Station[] = [];
        let cursor: string | null = null;
        do {
          const page: Page<Station> = await api.json('/v1/stations', { query: { limit: 100, cursor: cursor ?? undefined }, signal });
          stations.push(...page.data);
          cursor = page.has_more ? page.next_cursor : null;
        } while (cursor);
        return stations;
      },
      staleTime: 60_000,
      // No event tells of a new station, and a wall stays open for weeks.
      refetchInterval: 60_000,
    }),

  models: () =>
    queryOptions({
      queryKey: ['models'],
      queryFn: ({ signal }) => api.json<Page<ModelSummary>>('/v1/models', { query: { limit: 100 }, signal }),
      staleTime: 30_000,
    }),

  versions: (model: string) =>
    queryOptions({
      queryKey: ['models', model],
      queryFn: ({ signal }) =>
        api.json<Page<ModelVersion>>(`/v1/models/${encodeURIComponent(model)}/versions`, { query: { limit: 100 }, signal }),
      staleTime: 30_000,
    }),
});
export type Reads = ReturnType<typeof reads>;
