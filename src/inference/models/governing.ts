import type { ModelVersion } from '../../contracts/inference.ts';
import type {
  ComparisonList,
  Disagreement,
  ModelVersionDetail,
  Recipe,
  RecipeRequest,
  SettleRequest,
  Simulation,
  SimulationRequest,
  StageRequest,
} from '../../contracts/models.ts';
import type { Caller } from '../../contracts/permissions.ts';
import type { Cause } from '../../platform/db/door.ts';
import type { PagedList } from '../../platform/paged-list.ts';
import { ProblemError } from '../../platform/problem.ts';

/** What people may ask of the registry; each @throws ProblemError not_found for a model, version or record that is not there. */
export interface Governing {
  detail(model: string, version: number): Promise<ModelVersionDetail>;
  stage(cause: Cause, model: string, version: number, request: StageRequest): Promise<ModelVersion>;
  rollback(cause: Cause, model: string, reason: string): Promise<ModelVersion>;
  recipes(model: string, query: { product?: string }): Promise<PagedList<unknown, Recipe, unknown>>;
  addRecipe(cause: Cause, caller: Caller, model: string, request: RecipeRequest): Promise<Recipe>;
  simulate(caller: Caller, model: string, request: SimulationRequest): Promise<Simulation>;
  comparison(model: string): Promise<ComparisonList>;
  disagreements(
    caller: Caller,
    model: string,
    query: { state?: 'open' | 'settled'; version?: number },
  ): Promise<PagedList<unknown, Disagreement, unknown>>;
  settle(cause: Cause, caller: Caller, id: string, request: SettleRequest): Promise<Disagreement>;
}

export function governing(): Governing {
  const unserved = async () => {
    throw new ProblemError('not_found');
  };
  return {
    detail: unserved,
    stage: unserved,
    rollback: unserved,
    recipes: unserved,
    addRecipe: unserved,
    simulate: unserved,
    comparison: unserved,
    disagreements: unserved,
    settle: unserved,
  };
}
