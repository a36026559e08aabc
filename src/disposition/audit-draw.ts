import { createHash } from 'node:crypto';

/** 2^48: the first six bytes of a hash, as a number, lie below it. */
const RANGE = 2 ** 48;

/**
 * Whether a pass is drawn for an audit: the first 48 bits of SHA-256 of "seed:id" lie below the share. It depends on nothing that a model, a station or a
 * person says, so the drawn ones stand for all passes; and it can be done again by whoever knows the seed.
 */
export function drawnForAudit(inspectionId: string, share: number, seed: string): boolean {
  return createHash('sha256').update(`${seed}:${inspectionId}`).digest().readUIntBE(0, 6) < share * RANGE;
}
