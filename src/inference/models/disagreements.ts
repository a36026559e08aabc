import { type Selectable, sql } from 'kysely';
import { lotKey } from '../../contracts/lot-id.ts';
import type { Disagreement, SettleRequest } from '../../contracts/models.ts';
import type { Caller } from '../../contracts/permissions.ts';
import type { Reads } from '../../platform/db/database.ts';
import type { Cause, Decided, Door } from '../../platform/db/door.ts';
import { idPosition } from '../../platform/http/paging.ts';
import type { PagedList } from '../../platform/paged-list.ts';
import { ProblemError } from '../../platform/problem.ts';
import type { ComparisonTable, InferenceTables } from '../tables.ts';
import { toldOf } from './comparisons.ts';

type Row = Selectable<ComparisonTable> & { chip_id: string };

const chipId = sql<string>`coalesce((SELECT chip_id FROM intake.inspection_now i WHERE i.id = inspection_id), '')`.as('chip_id');

const shown = (row: Row): Disagreement => ({
  id: row.id,
  model: row.model,
  role: row.role,
  production_version: row.production_version,
  candidate_version: row.candidate_version,
  decided_by: row.role === 'shadow' ? 'production' : 'candidate',
  inspection_id: row.inspection_id,
  operation_id: row.operation_id,
  site: row.site,
  lot_id: row.lot_id,
  chip_id: row.chip_id,
  station_id: row.station_id,
  differences: row.differences ?? [],
  state: row.verdict === null ? 'open' : 'settled',
  right: row.verdict,
  note: row.note,
  settled_by: row.settled_by,
  settled_at: row.settled_at?.toISOString() ?? null,
  created_at: row.created_at.toISOString(),
});

const COLUMNS = [
  'id',
  'model',
  'role',
  'production_version',
  'candidate_version',
  'inspection_id',
  'site',
  'lot_id',
  'chip_id',
  'station_id',
  'differences',
  'verdict',
  'note',
  'settled_by',
  'settled_at',
  'created_at',
] as const satisfies readonly (keyof Row)[];

/** Boards of the caller's site that two versions called otherwise, newest first (by UUIDv7). */
export function disagreementList(
  on: Reads<InferenceTables>,
  caller: Caller,
  model: string,
  { state, version }: { state?: 'open' | 'settled'; version?: number },
): PagedList<Row, Disagreement, string> {
  return {
    async read(behind, limit) {
      let query = on
        .selectFrom('inference.comparison')
        .selectAll()
        .select(chipId)
        .where('model', '=', model)
        .where(sql<boolean>`agrees = false`);
      if (caller.site !== '*') query = query.where('site', '=', caller.site);
      if (state !== undefined) query = query.where('verdict', state === 'open' ? 'is' : 'is not', null);
      if (version !== undefined) query = query.where('candidate_version', '=', version);
      if (behind !== null) query = query.where('id', '<', behind);
      return await query.orderBy('id', 'desc').limit(limit).execute();
    },
    position: ({ id }) => id,
    parsePosition: idPosition,
    show: (rows) => rows.map(shown),
    csv: { filename: 'model-disagreements.csv', columns: COLUMNS, cells: (row) => COLUMNS.map((column) => row[column]) },
  };
}

/** A person says which version was right, and the event of it closes the look in the review queue. Changes no verdict. @throws ProblemError not_found */
export async function settleDisagreement(
  door: Door,
  cause: Cause,
  caller: Caller,
  id: string,
  { right, note }: SettleRequest,
): Promise<Disagreement> {
  return await door.change<InferenceTables, Disagreement>(cause, async (tx): Promise<Decided<Disagreement>> => {
    const before = await tx
      .selectFrom('inference.comparison')
      .selectAll()
      .where('id', '=', id)
      .where(sql<boolean>`agrees = false`)
      .forUpdate()
      .executeTakeFirst();
    if (!before || (caller.site !== '*' && before.site !== caller.site)) throw new ProblemError('not_found');
    const row = await tx
      .updateTable('inference.comparison')
      .set({ verdict: right, note: note ?? null, settled_by: caller.name, settled_at: new Date(), version: before.version + 1 })
      .where('id', '=', id)
      .returningAll()
      .returning(chipId)
      .executeTakeFirstOrThrow();
    const body = shown(row);
    const said = ({ verdict, note: words, settled_by }: Pick<Row, 'verdict' | 'note' | 'settled_by'>) => ({
      right: verdict,
      note: words,
      settled_by,
    });
    return {
      result: body,
      events: [
        {
          type: 'model.disagreement_settled',
          site: row.site,
          key: lotKey(row),
          aggregate: { type: 'model_disagreement', id, version: row.version },
          payload: { ...toldOf(row), right, by: caller.name },
        },
      ],
      audit: [
        {
          action: 'model.disagreement_settled',
          site: row.site,
          object: { type: 'model_disagreement', id },
          old: before.verdict === null ? null : said(before),
          new: { ...said(row), model: row.model, candidate_version: row.candidate_version, inspection_id: row.inspection_id },
          reason: note ?? null,
        },
      ],
      answer: { status: 200, body },
    };
  });
}
