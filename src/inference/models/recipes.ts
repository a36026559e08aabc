import { sql } from 'kysely';
import { isPrintable } from '../../contracts/lot-id.ts';
import type { Recipe, RecipeRequest } from '../../contracts/models.ts';
import type { Caller } from '../../contracts/permissions.ts';
import { isCount } from '../../contracts/primitives.ts';
import type { Reads } from '../../platform/db/database.ts';
import type { Cause, Decided, Door } from '../../platform/db/door.ts';
import type { PagedList } from '../../platform/paged-list.ts';
import { ProblemError } from '../../platform/problem.ts';
import type { InferenceTables } from '../tables.ts';

/** What applies to a lot beside the thresholds of the version itself. */
export interface AppliedRecipe {
  /** Null: the one of every product without its own. */
  product: string | null;
  version: number;
  thresholds: Record<string, number>;
}

/** The thresholds that judge: the recipe's where it names the class, the version's own elsewhere. */
export const thresholdsUnder = (
  own: Readonly<Record<string, number>>,
  recipe: Pick<AppliedRecipe, 'thresholds'> | null,
): Record<string, number> => ({
  ...own,
  ...recipe?.thresholds,
});

/** The newest recipe of the lot's product, or else of every product without its own. Two looks into primary keys. */
export async function recipeOfLot(on: Reads<InferenceTables>, model: string, site: string, lotId: string): Promise<AppliedRecipe | null> {
  const { rows } = await sql<AppliedRecipe>`
    SELECT nullif(r.product, '') AS product, r.version, r.thresholds FROM inference.recipe r
     WHERE r.model = ${model}
       AND (r.product = '' OR r.product = (SELECT product FROM masterdata.lot_revision WHERE site = ${site} AND lot_id = ${lotId}))
     ORDER BY (r.product <> '') DESC, r.version DESC LIMIT 1`.execute(on);
  return rows[0] ?? null;
}

export async function knownModel(on: Reads<InferenceTables>, model: string): Promise<void> {
  const known = await on.selectFrom('inference.model_version').select('version').where('model', '=', model).limit(1).executeTakeFirst();
  if (!known) throw new ProblemError('not_found');
}

interface RecipeRow {
  model: string;
  product: string;
  version: number;
  thresholds: Record<string, number>;
  reason: string;
  in_force: boolean;
  created_by: string;
  created_at: Date;
}
const shown = ({ product, created_at, ...row }: RecipeRow): Recipe => ({
  ...row,
  product: product === '' ? null : product,
  created_at: created_at.toISOString(),
});

type Place = [product: string, version: number];
function placeOf(value: unknown): Place | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [product, version] = value as unknown[];
  return typeof product === 'string' && isPrintable(product) && isCount(version) ? [product, version] : undefined;
}

/** By product, the newest first. */
export function recipeList(on: Reads<InferenceTables>, model: string, product: string | undefined): PagedList<RecipeRow, Recipe, Place> {
  return {
    async read(behind, limit) {
      const { rows } = await sql<RecipeRow>`
        SELECT *, version = (SELECT max(version) FROM inference.recipe n WHERE n.model = r.model AND n.product = r.product) AS in_force
          FROM inference.recipe r WHERE model = ${model}
           AND ${product === undefined ? sql`true` : sql`product = ${product}`}
           AND ${behind === null ? sql`true` : sql`(product, -version) > (${behind[0]}, ${-behind[1]}::int)`}
         ORDER BY product, -version LIMIT ${limit}`.execute(on);
      return rows;
    },
    position: ({ product: at, version }) => [at, version],
    parsePosition: placeOf,
    show: (rows) => rows.map(shown),
    csv: {
      filename: 'recipes.csv',
      columns: ['model', 'product', 'version', 'thresholds', 'in_force', 'reason', 'created_by', 'created_at'],
      cells: (row) => [row.model, row.product, row.version, row.thresholds, row.in_force, row.reason, row.created_by, row.created_at],
    },
  };
}

/** The next recipe of a product; it applies to what is claimed from its commit on. @throws ProblemError not_found for an unknown model */
export async function makeRecipe(door: Door, cause: Cause, caller: Caller, model: string, wish: RecipeRequest): Promise<Recipe> {
  const product = wish.product ?? '';
  return await door.change<InferenceTables, Recipe>(cause, async (tx): Promise<Decided<Recipe>> => {
    await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`recipe:${model}/${product}`}, 0))`.execute(tx);
    await knownModel(tx, model);
    const before = await tx
      .selectFrom('inference.recipe')
      .select(['version', 'thresholds'])
      .where('model', '=', model)
      .where('product', '=', product)
      .orderBy('version', 'desc')
      .limit(1)
      .executeTakeFirst();
    const row = await tx
      .insertInto('inference.recipe')
      .values({
        model,
        product,
        version: (before?.version ?? 0) + 1,
        thresholds: JSON.stringify(wish.thresholds),
        reason: wish.reason,
        created_by: caller.name,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    const body = shown({ ...row, in_force: true });
    return {
      result: body,
      events: [],
      audit: [
        {
          action: 'model.recipe_made',
          site: null,
          object: { type: 'recipe', id: `${model}/${product}/${row.version}` },
          old: before ? { version: before.version, thresholds: before.thresholds } : null,
          new: { model, product: wish.product, version: row.version, thresholds: wish.thresholds },
          reason: wish.reason,
        },
      ],
      answer: { status: 201, body },
    };
  });
}
