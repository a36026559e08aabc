import { Artifact, ArtifactQuery, FILE_TYPES, PICTURE_TYPES } from '../contracts/artifacts.ts';
import type { Caller } from '../contracts/permissions.ts';
import { IdParams, ref } from '../contracts/primitives.ts';
import type { Reads } from '../platform/db/database.ts';
import { sendBlob } from '../platform/download/send-blob.ts';
import type { App } from '../platform/http/app.ts';
import { etag, expectVersion } from '../platform/http/conditional.ts';
import { bytesOf, uploadOf } from '../platform/http/document.ts';
import { requireUuid } from '../platform/http/ids.ts';
import { ProblemError } from '../platform/problem.ts';
import { presentArtifact } from './artifact.ts';
import type { IntakeDeps } from './deps.ts';
import { findInspection } from './queries.ts';
import { artifactLocation, storeArtifact } from './store-artifact.ts';
import type { ArtifactRow, IntakeTables } from './tables.ts';

const UPLOAD_WORDS =
  'The file is the raw body, or the field `file` of a form. `image` and `reference` take PNG, JPEG, WebP and TIFF up to 100 megapixels; `document` and `measurement` take PDF, CSV, text and JSON. Record and kind are judged before the body is read. `X-Content-SHA256`, `Content-Digest` or `Digest` are checked when they are given. With `If-Match`, only while that version of the inspection is current.';

type Reading = { reads: Reads<IntakeTables> };

/** In a scope where bodies are left unread. */
export function uploadRoute(app: App, deps: Reading & Pick<IntakeDeps, 'door' | 'blobs' | 'settings' | 'log'>): void {
  const { reads } = deps;

  app.route({
    method: 'POST',
    url: '/v1/inspections/:id/artifacts',
    config: {
      permission: 'artifacts:write',
      upload: true,
      consumes: uploadOf([...PICTURE_TYPES, ...FILE_TYPES]),
      etag: () => 1,
      ifMatch: true,
    },
    // The record and `kind` are judged before the size, which the handler holds to its own limit.
    bodyLimit: Number.MAX_SAFE_INTEGER,
    schema: {
      tags: ['inspections'],
      summary: 'Upload a picture or a document',
      description: UPLOAD_WORDS,
      params: IdParams,
      querystring: ArtifactQuery,
      response: { 201: ref(Artifact) },
    },
    async handler(request, reply) {
      const inspection = await findInspection(reads, requireUuid(request.params.id), request.caller);
      if (!inspection) throw new ProblemError('not_found');
      const judgeVersion = (current: number) => expectVersion(request, current);
      judgeVersion(inspection.version);
      const { kind } = request.query;
      const { caller, raw: source } = request;
      const stored = await storeArtifact(deps, {
        source,
        inspection,
        kind,
        caller,
        judgeVersion,
        cause: (sha256) => request.cause(sha256),
      });
      etag(reply, 1);
      return reply.code(201).header('location', artifactLocation(stored.id)).send(stored);
    },
  });
}

export function artifactReadRoutes(app: App, { reads, blobs }: Reading & Pick<IntakeDeps, 'blobs'>): void {
  async function visible(id: string, caller: Caller): Promise<ArtifactRow> {
    const row = await reads.selectFrom('intake.artifact').selectAll().where('id', '=', requireUuid(id)).executeTakeFirst();
    if (!row || !(await findInspection(reads, row.inspection_id, caller))) throw new ProblemError('not_found');
    return row;
  }

  app.route({
    method: 'GET',
    url: '/v1/artifacts/:id',
    config: { permission: 'artifacts:read', class: 'read', etag: () => null },
    schema: { tags: ['inspections'], summary: 'Read what is known of a file', params: IdParams, response: { 200: ref(Artifact) } },
    async handler(request, reply) {
      const row = await visible(request.params.id, request.caller);
      etag(reply, row.expired_at ? 2 : 1);
      return reply.send(presentArtifact(row));
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/artifacts/:id/content',
    config: {
      permission: 'artifacts:read',
      class: 'read',
      answers: bytesOf([...PICTURE_TYPES, ...FILE_TYPES]),
      ranges: true,
      etag: () => null,
      ifNoneMatch: true,
    },
    schema: {
      tags: ['inspections'],
      summary: 'Read the bytes of a file',
      description: 'With `Range` (one range), `ETag` and `If-None-Match`. Bytes that retention has removed answer 404; their record stays.',
      params: IdParams,
    },
    async handler(request, reply) {
      const row = await visible(request.params.id, request.caller);
      if (row.expired_at) throw new ProblemError('not_found', { detail: 'The bytes were removed by retention; their record stays' });
      const inline = (PICTURE_TYPES as readonly string[]).includes(row.content_type);
      return sendBlob(request, reply, blobs, { sha256: row.sha256, contentType: row.content_type, filename: row.filename, inline });
    },
  });
}
