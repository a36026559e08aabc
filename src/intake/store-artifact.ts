import type { IncomingMessage } from 'node:http';
import { type Artifact, type ArtifactKind, TYPES_OF_KIND } from '../contracts/artifacts.ts';
import { lotKey } from '../contracts/lot-id.ts';
import type { Caller } from '../contracts/permissions.ts';
import { holdBlob } from '../platform/blob/hold.ts';
import { removeUnused } from '../platform/blob/remove-unused.ts';
import type { Cause } from '../platform/db/door.ts';
import { uuidv7 } from '../platform/id.ts';
import { ProblemError } from '../platform/problem.ts';
import { turnstile } from '../platform/turnstile.ts';
import { type Received, receive } from '../platform/upload/receive.ts';
import { presentArtifact } from './artifact.ts';
import { isUsed } from './blob-use.ts';
import type { IntakeDeps } from './deps.ts';
import { lockInspection } from './queries.ts';
import type { ArtifactRow, InspectionRow, IntakeTables } from './tables.ts';

export const artifactLocation = (id: string): string => `/v1/artifacts/${id}`;

/** A cancelled inspection takes no evidence any more; a judged one does: a report may follow, or a picture for a repeated run. */
function refuseCancelled(row: InspectionRow): void {
  if (row.status === 'cancelled')
    throw new ProblemError('transition_not_allowed', { detail: 'The inspection is cancelled: it takes no files' });
}

interface Upload {
  source: IncomingMessage;
  inspection: InspectionRow;
  kind: ArtifactKind;
  caller: Caller;
  /** Judges the inspection's version as it is when the file is stored. */
  judgeVersion(current: number): void;
  /** Makes the cause, once the bytes are known. */
  cause(sha256: string): Cause;
}

/** Each holds a connection while the store is asked for the bytes: a slow one must leave connections to everybody else. */
const inTurn = turnstile(8);

/**
 * Receives a file and makes it evidence of an inspection. The bytes get their name inside the transaction that writes their row (on the way to
 * another machine before it, and are made sure of there), so that a refusal leaves neither; only what fails from there on can leave bytes without a
 * row, and those are removed at once when nobody else has them.
 */
export async function storeArtifact(deps: Pick<IntakeDeps, 'door' | 'blobs' | 'settings' | 'log'>, upload: Upload): Promise<Artifact> {
  const { door, blobs, settings, log } = deps;
  refuseCancelled(upload.inspection);
  const { uploadLimit: limit, uploadTimeoutMs: timeoutMs } = settings;
  const received = await receive(upload.source, { blobs, limit, timeoutMs, types: TYPES_OF_KIND[upload.kind] });
  const { staged } = received;
  let named = false;
  try {
    named = await staged.send();
    return await inTurn(() =>
      door.change<IntakeTables, Artifact>(upload.cause(staged.sha256), async (tx) => {
        const inspection = await lockInspection(tx, upload.inspection.id, upload.caller);
        if (!inspection) throw new ProblemError('not_found');
        upload.judgeVersion(inspection.version);
        refuseCancelled(inspection);
        await holdBlob(tx, staged.sha256);
        const row = rowOf(received, upload);
        await tx.insertInto('intake.artifact').values(row).execute();
        await staged.publish();
        named = true;
        const artifact = presentArtifact(row);
        return {
          result: artifact,
          events: [
            {
              type: 'artifact.stored',
              site: inspection.site,
              key: lotKey(inspection),
              aggregate: { type: 'artifact', id: row.id, version: 1 },
              payload: {
                artifact_id: row.id,
                inspection_id: inspection.id,
                lot_id: inspection.lot_id,
                station_id: inspection.station_id,
                kind: row.kind,
                sha256: row.sha256,
                content_type: row.content_type,
                readable: row.readable,
              },
            },
          ],
          audit: [{ action: 'artifact.stored', site: inspection.site, object: { type: 'artifact', id: row.id }, old: null, new: artifact }],
          answer: { status: 201, location: artifactLocation(row.id), body: artifact },
        };
      }),
    );
  } catch (error) {
    const actor = { subject: 'system', name: 'intake', kind: 'system' } as const;
    const cause = { actor, requestId: null, traceId: '0'.repeat(32) };
    if (named) await removeUnused({ door, blobs, log, cause, isUsed }, staged.sha256);
    throw error;
  } finally {
    await staged.discard();
  }
}

function rowOf({ staged, contentType, filename, picture }: Received, { inspection, kind, caller }: Upload): ArtifactRow {
  return {
    id: uuidv7(),
    inspection_id: inspection.id,
    kind,
    content_type: contentType,
    size: staged.size,
    sha256: staged.sha256,
    filename,
    width: picture?.readable ? picture.width : null,
    height: picture?.readable ? picture.height : null,
    readable: picture?.readable ?? null,
    created_by: caller.name,
    created_at: new Date(),
    expired_at: null,
  };
}
