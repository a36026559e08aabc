import type { BlobFacts, Blobs, Intake } from '../../src/platform/blob/blobs.ts';

/** Stages, sends and publishes bytes as an upload does. @throws what the store throws, with nothing staged left */
export async function stored(blobs: Blobs, source: AsyncIterable<Uint8Array>, intake: Intake): Promise<BlobFacts> {
  const staged = await blobs.stage(source, intake);
  try {
    await staged.send();
    await staged.publish();
  } finally {
    await staged.discard();
  }
  return { sha256: staged.sha256, size: staged.size };
}
