import { Type } from 'typebox';
import { PICTURE_TYPES } from '../contracts/artifacts.ts';
import { ProductRevision, RevisionWrite } from '../contracts/masterdata.ts';
import { PageQuery, ProductCode, page, RevisionCode, ref } from '../contracts/primitives.ts';
import type { Reads } from '../platform/db/database.ts';
import { sendBlob } from '../platform/download/send-blob.ts';
import type { App } from '../platform/http/app.ts';
import { etag, expectVersion } from '../platform/http/conditional.ts';
import { bytesOf, uploadOf } from '../platform/http/document.ts';
import { answerList, type PagedList } from '../platform/paged-list.ts';
import { ProblemError } from '../platform/problem.ts';
import type { MasterdataDeps } from './deps.ts';
import { findRevision, isInUse, presentRevision } from './revision.ts';
import { storeTemplate } from './store-template.ts';
import type { MasterdataTables, RevisionRow } from './tables.ts';
import { writeRevision } from './write-revision.ts';

const Name = Type.Object({ product: ProductCode, revision: RevisionCode });
const Query = Type.Object({ ...PageQuery }, { additionalProperties: false });
const COLUMNS = [
  'product',
  'revision',
  'description',
  'policy_name',
  'policy_version',
  'limits',
  'template_sha256',
  'version',
  'created_by',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof RevisionRow)[];

type Deps = MasterdataDeps & { reads: Reads<MasterdataTables> };
const locationOf = ({ product, revision }: { product: string; revision: string }) => `/v1/products/${product}/revisions/${revision}`;

function revisionList(reads: Reads<MasterdataTables>, product: string): PagedList<RevisionRow, ProductRevision, string> {
  return {
    read(behind, limit) {
      let query = reads
        .selectFrom('masterdata.product_revision')
        .selectAll()
        .where('product', '=', product)
        .orderBy('revision')
        .limit(limit);
      if (behind !== null) query = query.where('revision', '>', behind);
      return query.execute();
    },
    position: ({ revision }) => revision,
    parsePosition: (value) => (typeof value === 'string' && /^[A-Za-z0-9._-]{1,30}$/.test(value) ? value : undefined),
    async show(rows) {
      const used = await reads
        .selectFrom('masterdata.lot')
        .select('revision')
        .distinct()
        .where('product', '=', product)
        .where('revision', 'in', rows.length > 0 ? rows.map(({ revision }) => revision) : [''])
        .execute();
      const inUse = new Set(used.map(({ revision }) => revision));
      return rows.map((row) => presentRevision(row, inUse.has(row.revision)));
    },
    csv: { filename: 'revisions.csv', columns: COLUMNS, cells: (row) => COLUMNS.map((column) => row[column]) },
  };
}

export function productRoutes(app: App, { reads, door, blobs }: Deps): void {
  app.route({
    method: 'GET',
    url: '/v1/products/:product/revisions',
    config: { permission: 'masterdata:read', class: 'read' },
    schema: {
      tags: ['master data'],
      summary: 'List the revisions of a product',
      params: Type.Object({ product: ProductCode }),
      querystring: Query,
      response: { 200: page(ref(ProductRevision), 'ProductRevisionPage') },
    },
    async handler(request, reply) {
      return answerList(request, reply, request.query, revisionList(reads, request.params.product));
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/products/:product/revisions/:revision',
    config: { permission: 'masterdata:read', class: 'read', etag: true },
    schema: { tags: ['master data'], summary: 'Read a product revision', params: Name, response: { 200: ref(ProductRevision) } },
    async handler(request, reply) {
      const row = await findRevision(reads, request.params);
      if (!row) throw new ProblemError('not_found');
      etag(reply, row.version);
      const shown = presentRevision(row, await isInUse(reads, request.params));
      return reply.send(shown);
    },
  });

  app.route({
    method: 'PUT',
    url: '/v1/products/:product/revisions/:revision',
    config: { permission: 'masterdata:write', etag: true, ifMatch: true },
    schema: {
      tags: ['master data'],
      summary: 'Write a product revision',
      description:
        'Measurement limits and quality policy that judge the lots of this revision. Replaces what is there; a policy that is left out stays, or is the newest `standard` on a new revision. Once a lot uses it, it never changes (409): make a new one.',
      params: Name,
      body: ref(RevisionWrite),
      response: { 200: ref(ProductRevision), 201: ref(ProductRevision) },
    },
    async handler(request, reply) {
      const judgeVersion = (current: number | null) => expectVersion(request, current ?? 0);
      const { revision, isNew } = await writeRevision(door, request.cause(), request.params, request.body, {
        caller: request.caller,
        judgeVersion,
      });
      etag(reply, revision.version);
      if (isNew) reply.code(201).header('location', locationOf(request.params));
      return reply.send(revision);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/products/:product/revisions/:revision/template',
    config: {
      permission: 'masterdata:read',
      class: 'read',
      answers: bytesOf(PICTURE_TYPES),
      ranges: true,
      etag: () => null,
      ifNoneMatch: true,
    },
    schema: {
      tags: ['master data'],
      summary: 'Read the golden template',
      description: 'The picture, with `Range` and `ETag`.',
      params: Name,
    },
    async handler(request, reply) {
      const row = await findRevision(reads, request.params);
      if (!row?.template_sha256) throw new ProblemError('not_found');
      const { template_sha256: sha256, template_content_type } = row;
      const contentType = template_content_type ?? 'application/octet-stream';
      const filename = `${row.product}-${row.revision}.${contentType.slice('image/'.length)}`;
      return sendBlob(request, reply, blobs, { sha256, contentType, filename, inline: true });
    },
  });
}

/** In a scope where bodies are left unread. */
export function templateRoute(app: App, deps: Deps): void {
  app.route({
    method: 'PUT',
    url: '/v1/products/:product/revisions/:revision/template',
    config: { permission: 'masterdata:write', upload: true, consumes: uploadOf(PICTURE_TYPES), etag: true, ifMatch: true },
    // The record is judged before the size, which the handler holds to its own limit.
    bodyLimit: Number.MAX_SAFE_INTEGER,
    schema: {
      tags: ['master data'],
      summary: 'Store the golden template',
      description:
        'PNG, JPEG, WebP or TIFF up to 100 megapixels that decodes, as the raw body or the field `file` of a form. The same picture again changes nothing; another one on a revision in use is refused (409).',
      params: Name,
      response: { 200: ref(ProductRevision) },
    },
    async handler(request, reply) {
      const name = request.params;
      if (!(await findRevision(deps.reads, name))) throw new ProblemError('not_found');
      const judgeVersion = (current: number) => expectVersion(request, current);
      const stored = await storeTemplate(deps, { source: request.raw, name, cause: request.cause(), judgeVersion });
      etag(reply, stored.version);
      return reply.send(stored);
    },
  });
}
