import type { IncomingMessage } from 'node:http';
import { PICTURE_TYPES } from '../contracts/artifacts.ts';
import type { ProductRevision } from '../contracts/masterdata.ts';
import { holdBlob } from '../platform/blob/hold.ts';
import { removeUnused } from '../platform/blob/remove-unused.ts';
import type { Cause } from '../platform/db/door.ts';
import { ProblemError } from '../platform/problem.ts';
import { receive } from '../platform/upload/receive.ts';
import { isUsed } from './blob-use.ts';
import type { MasterdataDeps } from './deps.ts';
import { findRevision, isInUse, lockRevision, presentRevision, type RevisionName } from './revision.ts';
import type { MasterdataTables, RevisionRow } from './tables.ts';

interface Upload {
  source: IncomingMessage;
  name: RevisionName;
  cause: Cause;
  judgeVersion: (current: number) => void;
}

/**
 * Gives a revision its golden template: the picture that boards are compared with. It has to decode, because every board would wait for a person
 * otherwise. The bytes get their name inside the transaction that writes the row; those that it replaces go when nothing else stands on them.
 * @throws what `receive` throws; ProblemError not_found, precondition_failed, revision_in_use
 */
export async function storeTemplate({ door, blobs, settings, log }: MasterdataDeps, upload: Upload): Promise<ProductRevision> {
  const { name } = upload;
  const { uploadLimit: limit, uploadTimeoutMs: timeoutMs } = settings;
  const { staged, contentType, picture } = await receive(upload.source, { blobs, limit, timeoutMs, types: PICTURE_TYPES });
  let named = false;
  let replaced: string | null = null;
  try {
    if (!picture?.readable) throw new ProblemError('content_mismatch', { detail: 'The picture does not decode: a golden template has to' });
    named = await staged.send();
    return await door.change<MasterdataTables, ProductRevision>(upload.cause, async (tx) => {
      replaced = null;
      const was = await lockRevision(tx, name);
      if (!was) throw new ProblemError('not_found');
      upload.judgeVersion(was.version);
      const used = await isInUse(tx, name);
      if (was.template_sha256 === staged.sha256 && was.template_content_type === contentType)
        return { result: presentRevision(was, used), events: [], audit: [] };
      if (used) throw new ProblemError('revision_in_use');
      await holdBlob(tx, staged.sha256);
      const template = {
        template_sha256: staged.sha256,
        template_content_type: contentType,
        template_width: picture.width,
        template_height: picture.height,
        template_size: staged.size,
      };
      await tx
        .updateTable('masterdata.product_revision')
        .set({ ...template, version: was.version + 1, updated_at: new Date() })
        .where('product', '=', name.product)
        .where('revision', '=', name.revision)
        .execute();
      await staged.publish();
      named = true;
      replaced = was.template_sha256;
      const now = (await findRevision(tx, name)) as RevisionRow;
      const shown = presentRevision(now, used);
      return {
        result: shown,
        events: [],
        audit: [
          {
            action: 'product.template_stored',
            site: null,
            object: { type: 'product_revision', id: `${name.product}/${name.revision}` },
            old: { template: presentRevision(was, used).template },
            new: { template: shown.template },
          },
        ],
      };
    });
  } finally {
    await staged.discard();
    // After a commit the replaced bytes may be unused; after a failed one the new ones may be. Both are asked for under their lock.
    const actor = { subject: 'system', name: 'masterdata', kind: 'system' } as const;
    const cause = { actor, requestId: null, traceId: upload.cause.traceId };
    for (const sha256 of new Set([named ? staged.sha256 : null, replaced]))
      if (sha256 !== null) await removeUnused({ door, blobs, log, cause, isUsed }, sha256);
  }
}
