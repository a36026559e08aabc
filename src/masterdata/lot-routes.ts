import { Type } from 'typebox';
import { isPrintable, lotIdFault, sitePattern } from '../contracts/lot-id.ts';
import { Lot, LotAssign, LotPage, LotQuery, type LotState } from '../contracts/masterdata.ts';
import type { Caller } from '../contracts/permissions.ts';
import { ref, SiteCode } from '../contracts/primitives.ts';
import type { Reads } from '../platform/db/database.ts';
import type { ListReads } from '../platform/db/replica.ts';
import type { App } from '../platform/http/app.ts';
import { etag, expectVersion } from '../platform/http/conditional.ts';
import { answerList, type PagedList } from '../platform/paged-list.ts';
import { invalid, ProblemError } from '../platform/problem.ts';
import { assignLot } from './assign-lot.ts';
import type { MasterdataDeps } from './deps.ts';
import { type LotPosition, listLots, lotsNamed, presentLot, type WholeLot } from './lot.ts';
import type { MasterdataTables } from './tables.ts';

const Params = Type.Object({ lot_id: Type.String({ maxLength: 200 }) });
const SiteQuery = Type.Object(
  { site: Type.Optional({ ...SiteCode, description: 'For callers who see every site, where two have this lot' }) },
  { additionalProperties: false },
);
const COLUMNS = [
  'lot_id',
  'site',
  'state',
  'reason',
  'decided_by',
  'decided_at',
  'product',
  'revision',
  'total',
  'pending',
  'in_progress',
  'awaiting_review',
  'pass',
  'fail',
  'inconclusive',
  'cancelled',
  'opened_at',
  'version',
] as const satisfies readonly (keyof WholeLot)[];

/** The site that is meant: the caller's own, or for who sees all the one of `?site=`; null when another's is named. */
const siteFor = (caller: Caller, named: string | undefined): string | null =>
  caller.site === '*' ? (named ?? '*') : named === undefined || named === caller.site ? caller.site : null;

function parsePosition(value: unknown): LotPosition | undefined {
  if (!Array.isArray(value) || value.length !== 3 || !value.every((part) => typeof part === 'string' && isPrintable(part)))
    return undefined;
  const [opened, site, lot] = value as [string, string, string];
  return /^-?\d{1,16}$/.test(opened) ? { opened, site, lot } : undefined;
}

function lotList(lists: ListReads, caller: Caller, site: string | null, state: LotState | undefined): PagedList<WholeLot, Lot, unknown> {
  return {
    read: async (behind, limit) =>
      site === null
        ? []
        : lists(caller, (on: Reads<MasterdataTables>) =>
            listLots(on, { site, station: caller.stationId, state }, behind as LotPosition | null, limit),
          ),
    position: ({ opened_micros, site: where, lot_id }) => [opened_micros, where, lot_id],
    parsePosition,
    show: (rows) => rows.map(presentLot),
    csv: { filename: 'lots.csv', columns: COLUMNS, cells: (row) => COLUMNS.map((column) => row[column]) },
  };
}

type Deps = Pick<MasterdataDeps, 'door' | 'settings'> & { reads: Reads<MasterdataTables>; lists: ListReads };

/** The one lot that is meant, if there is one. @throws ProblemError ambiguous_lot */
async function theLot(reads: Reads<MasterdataTables>, lotId: string, site: string | null, caller: Caller): Promise<WholeLot | undefined> {
  if (site === null || !isPrintable(lotId)) return undefined;
  const found = await lotsNamed(reads, lotId, site, caller.stationId);
  if (found.length > 1) throw new ProblemError('ambiguous_lot', { detail: 'More than one site has this lot: name it with ?site=' });
  return found[0];
}

/** @throws ProblemError validation_error for a lot id that no inspection could have, or a site that is not known */
async function judgeNewLot({ reads, settings }: Deps, lotId: string, site: string): Promise<void> {
  if (site === '*') throw invalid('query -> site', 'Name the site that the lot is opened at', 'required');
  const rule = await reads.selectFrom('masterdata.site').select('lot_id_pattern').where('code', '=', site).executeTakeFirst();
  if (!rule) throw invalid('query -> site', 'There is no such site', 'known', site);
  const { pattern } = sitePattern(rule.lot_id_pattern, settings.lotIdPattern);
  const fault =
    lotId.length < 3 || lotId.length > 50
      ? { message: 'A lot id has 3 to 50 characters', constraint: 'length' }
      : lotIdFault(lotId, pattern);
  if (fault) throw invalid('path -> lot_id', fault.message, fault.constraint, lotId);
}

export function lotRoutes(app: App, deps: Deps): void {
  const { reads, lists, door } = deps;

  app.route({
    method: 'GET',
    url: '/v1/lots',
    config: { permission: 'inspections:read', class: 'read' },
    schema: { tags: ['lots'], summary: 'List lots, newest first', querystring: LotQuery, response: { 200: ref(LotPage) } },
    async handler(request, reply) {
      const { site, state, limit, cursor } = request.query;
      return answerList(request, reply, { limit, cursor }, lotList(lists, request.caller, siteFor(request.caller, site), state));
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/lots/:lot_id',
    config: { permission: 'inspections:read', class: 'read', etag: true },
    schema: { tags: ['lots'], summary: 'Read a lot', params: Params, querystring: SiteQuery, response: { 200: ref(Lot) } },
    async handler(request, reply) {
      const lot = await theLot(reads, request.params.lot_id.toUpperCase(), siteFor(request.caller, request.query.site), request.caller);
      if (!lot) throw new ProblemError('not_found');
      etag(reply, lot.version);
      return reply.send(presentLot(lot));
    },
  });

  app.route({
    method: 'PUT',
    url: '/v1/lots/:lot_id',
    config: { permission: 'masterdata:write', etag: true, ifMatch: true },
    schema: {
      tags: ['lots'],
      summary: 'Give a lot its product revision',
      description:
        'Opens the lot when it is unknown (201). The revision says which golden template, limits and policy judge its inspections. A lot with judged inspections keeps its product (409).',
      params: Params,
      querystring: SiteQuery,
      body: ref(LotAssign),
      response: { 200: ref(Lot), 201: ref(Lot) },
    },
    async handler(request, reply) {
      const lotId = request.params.lot_id.toUpperCase();
      const site = siteFor(request.caller, request.query.site);
      const known = await theLot(reads, lotId, site, request.caller);
      if (site === null) throw new ProblemError('not_found');
      if (!known) await judgeNewLot(deps, lotId, site);
      const judgeVersion = (current: number | null) => expectVersion(request, current ?? 0);
      const { lot, isNew } = await assignLot(door, request.cause(), { site: known?.site ?? site, lotId }, request.body, judgeVersion);
      etag(reply, lot.version);
      // Who sees every site may see two of this name.
      const named = request.caller.site === '*' ? `?site=${encodeURIComponent(lot.site)}` : '';
      if (isNew) reply.code(201).header('location', `/v1/lots/${encodeURIComponent(lotId)}${named}`);
      return reply.send(lot);
    },
  });
}
