import { AuditPage, AuditQuery } from '../contracts/audit.ts';
import { ref } from '../contracts/primitives.ts';
import type { Database, Reads } from '../platform/db/database.ts';
import { type ListReads, primaryReads } from '../platform/db/replica.ts';
import type { App } from '../platform/http/app.ts';
import { idPosition, timeSpan } from '../platform/http/paging.ts';
import { answerList } from '../platform/paged-list.ts';
import type { Slice } from '../platform/slice.ts';
import { type AuditTables, readAudit, shownEntry } from './queries.ts';

export interface AuditDeps {
  db: Database;
  /** From `db` when left out. */
  lists?: ListReads;
}

/** The ledger, for who may read it: their own site's entries, or all of them. Nothing here writes: entries are made with the change they tell of. */
export function audit({ db, lists = primaryReads(db) }: AuditDeps): Slice {
  return { name: 'audit', routes: (app) => auditRoutes(app, lists) };
}

function auditRoutes(app: App, lists: ListReads): void {
  app.get(
    '/v1/audit',
    {
      config: { permission: 'audit:read', class: 'audit' },
      schema: {
        summary: 'Who did what to which record, when, old and new',
        querystring: AuditQuery,
        response: { 200: ref(AuditPage) },
      },
    },
    async (request, reply) => {
      const { limit, cursor, object, actor, action } = request.query;
      const filter = { ...timeSpan(request.query), object, actor, action, site: request.caller.site === '*' ? null : request.caller.site };
      return answerList(
        request,
        reply,
        { limit, cursor },
        {
          read: (behind: string | null, count) => lists(request.caller, (on: Reads<AuditTables>) => readAudit(on, filter, behind, count)),
          position: (row) => row.id,
          parsePosition: idPosition,
          show: (rows) => rows.map(shownEntry),
          csv: {
            filename: 'audit.csv',
            columns: [
              'id',
              'recorded_at',
              'action',
              'actor',
              'actor_kind',
              'actor_subject',
              'site',
              'object_type',
              'object_id',
              'old',
              'new',
              'reason',
              'request_id',
            ],
            cells: (row) => [
              row.id,
              row.recorded_at,
              row.action,
              row.actor_name,
              row.actor_kind,
              row.actor_subject,
              row.site,
              row.object_type,
              row.object_id,
              row.old as object | null,
              row.new as object | null,
              row.reason,
              row.request_id,
            ],
          },
        },
      );
    },
  );
}
