import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { ComparisonList, Disagreement, ModelVersionDetail, Recipe } from '../../../src/contracts/models.ts';
import type {
  ConfusionReport,
  DriftAlarm,
  DriftReport,
  QualityBy,
  QualityReport,
  ReviewerAgreement,
} from '../../../src/contracts/monitoring.ts';
import type { Api } from './client.ts';
import { usePlatform } from './context.ts';
import type { Page } from './reads.ts';

/** Figures that follow the line are read again this often, ms, while they are looked at. */
const FRESH = 15_000;

/** What is known of one model. Every key begins with `models` and its name, so that a change of the model makes all of it old. */
const modelReads = (api: Api) => {
  const of = (model: string) => `/v1/models/${encodeURIComponent(model)}`;
  return {
    version: (model: string, version: number) =>
      queryOptions({
        queryKey: ['models', model, 'version', version],
        queryFn: ({ signal }) => api.json<ModelVersionDetail>(`${of(model)}/versions/${version}`, { signal }),
        staleTime: 30_000,
      }),

    comparison: (model: string) =>
      queryOptions({
        queryKey: ['models', model, 'comparison'],
        queryFn: ({ signal }) => api.json<ComparisonList>(`${of(model)}/comparison`, { signal }),
        refetchInterval: FRESH,
      }),

    disagreements: (model: string, state: 'open' | 'settled') =>
      infiniteQueryOptions({
        queryKey: ['models', model, 'disagreements', state],
        initialPageParam: '',
        queryFn: ({ pageParam, signal }) =>
          api.json<Page<Disagreement>>(`${of(model)}/disagreements`, { query: { state, limit: 20, cursor: pageParam }, signal }),
        getNextPageParam: (page) => (page.has_more ? page.next_cursor : null),
      }),

    recipes: (model: string) =>
      infiniteQueryOptions({
        queryKey: ['models', model, 'recipes'],
        initialPageParam: '',
        queryFn: ({ pageParam, signal }) =>
          api.json<Page<Recipe>>(`${of(model)}/recipes`, { query: { limit: 50, cursor: pageParam }, signal }),
        getNextPageParam: (page) => (page.has_more ? page.next_cursor : null),
      }),

    /** The recipe in force of a product; '' is every product without its own. Null while there is none. */
    inForce: (model: string, product: string) =>
      queryOptions({
        queryKey: ['models', model, 'in force', product],
        queryFn: async ({ signal }) => {
          // In the path, because an empty product is asked for too.
          const { data } = await api.json<Page<Recipe>>(`${of(model)}/recipes?product=${encodeURIComponent(product)}&limit=1`, { signal });
          return data[0] ?? null;
        },
        staleTime: 30_000,
      }),

    quality: (model: string, by: QualityBy, from: string | undefined) =>
      queryOptions({
        queryKey: ['models', model, 'quality', by, from ?? ''],
        queryFn: ({ signal }) => api.json<QualityReport>(`${of(model)}/quality`, { query: { by, from }, signal }),
        refetchInterval: FRESH,
      }),

    confusion: (model: string, from: string | undefined) =>
      queryOptions({
        queryKey: ['models', model, 'confusion', from ?? ''],
        queryFn: ({ signal }) => api.json<ConfusionReport>(`${of(model)}/confusion`, { query: { from }, signal }),
        refetchInterval: FRESH,
      }),

    agreement: (model: string, from: string | undefined) =>
      queryOptions({
        queryKey: ['models', model, 'agreement', from ?? ''],
        queryFn: ({ signal }) => api.json<ReviewerAgreement>(`${of(model)}/agreement`, { query: { from }, signal }),
        refetchInterval: FRESH,
      }),

    drift: (model: string) =>
      queryOptions({
        queryKey: ['models', model, 'drift'],
        queryFn: ({ signal }) => api.json<DriftReport>(`${of(model)}/drift`, { signal }),
        refetchInterval: FRESH,
      }),

    alarms: (model: string) =>
      infiniteQueryOptions({
        queryKey: ['models', model, 'alarms'],
        initialPageParam: '',
        queryFn: ({ pageParam, signal }) =>
          api.json<Page<DriftAlarm>>('/v1/drift-alarms', { query: { model, limit: 50, cursor: pageParam }, signal }),
        getNextPageParam: (page) => (page.has_more ? page.next_cursor : null),
        refetchInterval: FRESH,
      }),

    openAlarms: (model: string) =>
      queryOptions({
        queryKey: ['models', model, 'open alarms'],
        queryFn: ({ signal }) => api.json<Page<DriftAlarm>>('/v1/drift-alarms', { query: { model, state: 'open', limit: 100 }, signal }),
        refetchInterval: FRESH,
      }),
  };
};

export function useModelReads(): ReturnType<typeof modelReads> {
  const { api } = usePlatform();
  return useMemo(() => modelReads(api), [api]);
}
