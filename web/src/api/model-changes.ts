import type { ModelVersion } from '../../../src/contracts/inference.ts';
import type { Recipe, RecipeRequest, RollbackRequest, Simulation, SimulationRequest, StageRequest } from '../../../src/contracts/models.ts';
import type { DriftAlarm } from '../../../src/contracts/monitoring.ts';
import type { Api } from './client.ts';

const of = (model: string) => `/v1/models/${encodeURIComponent(model)}`;
const post = <T>(api: Api, path: string, body: unknown, key: string, ifMatch?: number) =>
  api.json<T>(path, { method: 'POST', idempotencyKey: key, body, ...(ifMatch === undefined ? {} : { ifMatch }) });

export const stageVersion = (api: Api, { model, version }: Pick<ModelVersion, 'model' | 'version'>, request: StageRequest, key: string) =>
  post<ModelVersion>(api, `${of(model)}/versions/${version}/stage`, request, key);

/** `from`: the version that was in production when the person asked, so that two who ask at once go one step back. */
export const rollBack = (api: Api, model: string, request: RollbackRequest, key: string) =>
  post<ModelVersion>(api, `${of(model)}/rollback`, request, key);

export const makeRecipe = (api: Api, model: string, request: RecipeRequest, key: string) =>
  post<Recipe>(api, `${of(model)}/recipes`, request, key);

/** Changes nothing: a POST because thresholds do not fit into an address. */
export const simulateRecipe = (api: Api, model: string, request: SimulationRequest) =>
  api.json<Simulation>(`${of(model)}/recipes/simulate`, { method: 'POST', body: request });

export const acknowledge = (api: Api, alarm: DriftAlarm, note: string, relearn: boolean, key: string) =>
  post<DriftAlarm>(api, `/v1/drift-alarms/${alarm.id}/acknowledge`, { note, relearn }, key, alarm.record_version);
