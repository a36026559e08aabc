import type {
  ComparisonList,
  Disagreement,
  ModelVersionDetail,
  Recipe,
  RecipeRequest,
  RollbackRequest,
  SettleRequest,
  Simulation,
  SimulationRequest,
  StageRequest,
} from '../../contracts/models.ts';
import type { Caller } from '../../contracts/permissions.ts';
import { type Reads, reads } from '../../platform/db/database.ts';
import type { Cause } from '../../platform/db/door.ts';
import type { PagedList } from '../../platform/paged-list.ts';
import type { InferenceTables } from '../tables.ts';
import type { JudgeVersion, Staged } from './change-stage.ts';
import { comparisonsOf } from './comparison.ts';
import type { Judge } from './count-outcomes.ts';
import { detailOf } from './detail.ts';
import { disagreementList, settleDisagreement } from './disagreements.ts';
import { type MoveDeps, moveVersion, rollBack } from './move-version.ts';
import { stagesVersion } from './queries.ts';
import { knownModel, makeRecipe, recipeList } from './recipes.ts';
import { simulate } from './simulate.ts';

// biome-ignore lint/suspicious/noExplicitAny: rows and positions are the list's own affair
type List<Shown> = PagedList<any, Shown, any>;

/** What people may ask of the registry; each @throws ProblemError not_found for a model, version or record that is not there. */
export interface Governing {
  detail(model: string, version: number): Promise<{ shown: ModelVersionDetail; version: number }>;
  stage(cause: Cause, model: string, version: number, request: StageRequest, judgeVersion: JudgeVersion): Promise<Staged>;
  rollback(cause: Cause, model: string, request: RollbackRequest, judgeVersion: JudgeVersion): Promise<Staged>;
  recipes(model: string, query: { product?: string }): Promise<List<Recipe>>;
  addRecipe(cause: Cause, caller: Caller, model: string, request: RecipeRequest): Promise<Recipe>;
  simulate(caller: Caller, model: string, request: SimulationRequest): Promise<Simulation>;
  comparison(model: string): Promise<ComparisonList>;
  disagreements(caller: Caller, model: string, query: { state?: 'open' | 'settled'; version?: number }): Promise<List<Disagreement>>;
  settle(cause: Cause, caller: Caller, id: string, request: SettleRequest): Promise<Disagreement>;
}

export interface GoverningDeps extends MoveDeps {
  judge: Judge;
  /** Boards that may wait for a second look. */
  backlog: number;
}

export function governing(deps: GoverningDeps): Governing {
  const { db, door, judge, backlog } = deps;
  const on: Reads<InferenceTables> = reads<InferenceTables>(db);
  return {
    async detail(model, version) {
      // Read first: a step in between makes it too old, never too new.
      const steps = await stagesVersion(on, model);
      return { shown: await detailOf(on, model, version, deps.ready), version: steps };
    },
    stage: (cause, model, version, request, judgeVersion) => moveVersion(deps, cause, model, version, request, judgeVersion),
    rollback: (cause, model, request, judgeVersion) => rollBack(deps, cause, model, request, judgeVersion),
    async recipes(model, { product }) {
      await knownModel(on, model);
      return recipeList(on, model, product);
    },
    addRecipe: (cause, caller, model, request) => makeRecipe(door, cause, caller, model, request),
    simulate: ({ site }, model, request) => simulate(on, judge, site, model, request),
    comparison: (model) => comparisonsOf(on, model, backlog),
    async disagreements(caller, model, query) {
      await knownModel(on, model);
      return disagreementList(on, caller, model, query);
    },
    settle: (cause, caller, id, request) => settleDisagreement(door, cause, caller, id, request),
  };
}
