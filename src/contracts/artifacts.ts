import { type Static, Type } from 'typebox';
import { nullable, Sha256, Timestamp, Uuid } from './primitives.ts';

export const ARTIFACT_KINDS = ['image', 'reference', 'document', 'measurement'] as const;
export type ArtifactKind = (typeof ARTIFACT_KINDS)[number];
export const PICTURE_TYPES = ['image/png', 'image/jpeg', 'image/webp', 'image/tiff'] as const;
export const FILE_TYPES = ['application/pdf', 'text/csv', 'text/plain', 'application/json'] as const;
/** Which content types a kind takes; everything else is 415. */
export const TYPES_OF_KIND: Record<ArtifactKind, readonly string[]> = {
  image: PICTURE_TYPES,
  reference: PICTURE_TYPES,
  document: FILE_TYPES,
  measurement: FILE_TYPES,
};
export const MAX_PICTURE_PIXELS = 100_000_000;

export const ArtifactQuery = Type.Object({ kind: Type.Enum([...ARTIFACT_KINDS]) }, { additionalProperties: false });

export const Artifact = Type.Object(
  {
    id: Uuid,
    inspection_id: Uuid,
    kind: Type.Enum([...ARTIFACT_KINDS]),
    content_type: Type.String(),
    size: Type.Integer({ minimum: 1, description: 'Bytes' }),
    sha256: Sha256,
    filename: nullable(Type.String()),
    width: nullable(Type.Integer({ description: 'Pixels; null for files that are no picture or do not decode' })),
    height: nullable(Type.Integer()),
    readable: nullable(Type.Boolean({ description: 'Whether the picture decodes; null for files that are no picture' })),
    created_by: Type.String(),
    created_at: Timestamp,
    expired: Type.Boolean({ description: 'The bytes are gone by retention (demo pictures); row and audit entry stay' }),
  },
  { $id: 'Artifact', additionalProperties: false },
);
export type Artifact = Static<typeof Artifact>;
