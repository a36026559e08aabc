import { sql } from 'kysely';
import type { Transaction } from '../db/door.ts';

/** Until the transaction ends, nobody else publishes or removes these bytes: a row and its bytes come and go together. */
export async function holdBlob<T>(tx: Transaction<T>, sha256: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`blob:${sha256}`}, 0))`.execute(tx);
}
