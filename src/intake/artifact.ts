import type { Artifact } from '../contracts/artifacts.ts';
import type { ArtifactRow } from './tables.ts';

/** A stored file as the API shows it. */
export function presentArtifact(row: ArtifactRow): Artifact {
  return {
    id: row.id,
    inspection_id: row.inspection_id,
    kind: row.kind,
    content_type: row.content_type,
    size: row.size,
    sha256: row.sha256,
    filename: row.filename,
    width: row.width,
    height: row.height,
    readable: row.readable,
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    expired: row.expired_at !== null,
  };
}
