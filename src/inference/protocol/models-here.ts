import { ProblemError } from '../../platform/problem.ts';
import type { ModelKey, ModelRuntime } from '../runtime/runtime.ts';

/** A model as far as the protocol speaks of it. */
export interface KnownModel extends ModelKey {
  classes: number;
}

export interface ModelsHereDeps {
  /** Null until the models are loaded. */
  runtime: () => ModelRuntime | null;
  /** Models that were registered when this process began. */
  models: () => readonly KnownModel[];
  /** The version that judges, null when there is none: what an address without a version means. */
  productionOf: (model: string) => Promise<number | null>;
}

/** Which model an address of the protocol means. */
export interface ModelsHere {
  /** All versions, by name and number. */
  all(): KnownModel[];
  /** Versions of a model, ascending. @throws ProblemError not_found */
  versionsOf(model: string): KnownModel[];
  /** @throws ProblemError not_found, naming what there is not */
  find(model: string, version: string | undefined): Promise<KnownModel>;
  /** As `find`, for probes, which need no token: which version is in production is asked for twice a second at most. @throws ProblemError not_found */
  probe(model: string, version: string | undefined): Promise<KnownModel>;
  ready(key: ModelKey): boolean;
  /** @throws ProblemError overloaded while no models are loaded */
  runtime(): ModelRuntime;
}

const PROBE_KEPT_MS = 500;
const quoted = (name: string) => JSON.stringify(name.slice(0, 100));
const absent = (detail: string) => new ProblemError('not_found', { detail });

export function modelsHere({ runtime, models, productionOf }: ModelsHereDeps): ModelsHere {
  const all = () =>
    [...models()].sort((one, other) => (one.model === other.model ? one.version - other.version : one.model < other.model ? -1 : 1));

  function versionsOf(model: string): KnownModel[] {
    const found = all().filter((known) => known.model === model);
    if (found.length === 0) throw absent(`No model ${quoted(model)}`);
    return found;
  }

  const asked = new Map<string, { at: number; answer: Promise<number | null> }>();
  function lately(model: string): Promise<number | null> {
    const now = performance.now();
    const before = asked.get(model);
    if (before !== undefined && now - before.at < PROBE_KEPT_MS) return before.answer;
    const answer = productionOf(model);
    asked.set(model, { at: now, answer });
    return answer;
  }

  async function findBy(production: ModelsHereDeps['productionOf'], model: string, version: string | undefined): Promise<KnownModel> {
    const versions = versionsOf(model);
    const wanted = version === undefined ? await production(model) : /^[1-9]\d{0,9}$/.test(version) ? Number(version) : null;
    const found = versions.find((known) => known.version === wanted);
    if (found) return found;
    if (version !== undefined) throw absent(`Model ${quoted(model)} has no version ${quoted(version)}`);
    throw absent(`Model ${quoted(model)} has no version in production${wanted === null ? '' : ' that runs here'}: name one`);
  }

  return {
    all,
    versionsOf,
    find: (model, version) => findBy(productionOf, model, version),
    probe: (model, version) => findBy(lately, model, version),
    ready: ({ model, version }) => runtime()?.ready(model, version) ?? false,
    runtime() {
      const found = runtime();
      if (!found) throw new ProblemError('overloaded', { detail: 'The models are being loaded', retryAfter: 2 });
      return found;
    },
  };
}
