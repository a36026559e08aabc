import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import { openDatabase } from '../../src/platform/db/database.ts';
import { type Cause, openDoor, Replayed, type Transaction } from '../../src/platform/db/door.ts';
import { uuidv7 } from '../../src/platform/id.ts';
import { ProblemError } from '../../src/platform/problem.ts';

/** A request as a station would send it, and send again: `moments` are times of the clock that this process sees. */
export interface Plan {
  url: string;
  /** false: keys are looked for in the day alone, which is the fault that the test must be able to see. */
  guarded: boolean;
  /** `by`: the way through the door. */
  requests: { key: string; by: 'change' | 'record'; moments: number[] }[];
  /** Requests with the same key that leave at the same moment. */
  atOnce: number;
}

export interface Told {
  key: string;
  id: string;
  kind: 'done' | 'replayed';
}

interface Tables {
  'shop.thing': { id: string; key: string };
  'shop.day_key': { day: string; key: string };
}

const causeOf = (key: string): Cause => ({
  actor: { subject: 'station', name: 'station', kind: 'client' },
  requestId: null,
  traceId: 'a'.repeat(32),
  idempotency: { caller: 'station', key, requestHash: 'h' },
});

/**
 * One process that calls the door: reads a plan, says `ready`, sends each request at its moments, and prints what each was told as a line of JSON.
 * A process of its own because the clock that it sees is set from outside.
 */
async function run({ url, guarded, requests, atOnce }: Plan): Promise<void> {
  const db = openDatabase({ url, poolSize: 20, overflow: 0, statementTimeoutMs: 30_000, connectTimeoutMs: 15_000 });
  const door = openDoor({ db, source: 'test' });
  await db.ping();
  console.log('ready');

  async function pass(key: string, id: string, by: 'change' | 'record'): Promise<void> {
    const answer = { status: 201, body: { id } };
    if (by === 'record') {
      const rows = [{ into: 'shop.thing', columns: ['id', 'key'], values: [{ id, key }] }];
      return door.record(causeOf(key), { rows, events: [], audit: [], answer });
    }
    return door.change<Tables, void>(causeOf(key), async (tx: Transaction<Tables>) => {
      await tx.insertInto('shop.thing').values({ id, key }).execute();
      return { result: undefined, events: [], audit: [], answer };
    });
  }

  async function guardedOnce(key: string, by: 'change' | 'record'): Promise<Told> {
    for (;;) {
      const id = uuidv7();
      try {
        await pass(key, id, by);
        return { key, id, kind: 'done' };
      } catch (error) {
        if (error instanceof Replayed) return { key, id: (error.answer.body as { id: string }).id, kind: 'replayed' };
        if (!(error instanceof ProblemError && error.code === 'idempotency_in_progress')) throw error;
        await sleep(5 + Math.random() * 20);
      }
    }
  }

  async function carelessOnce(key: string): Promise<Told> {
    const id = uuidv7();
    const made = await (db.kysely as Kysely<Tables>).transaction().execute(async (tx) => {
      const [row] = await tx
        .insertInto('shop.day_key')
        .values((eb) => ({ day: eb.fn<string>('to_char', [eb.fn('now'), eb.val('YYYY-MM-DD')]), key }))
        .onConflict((on) => on.doNothing())
        .returning('key')
        .execute();
      if (row) await tx.insertInto('shop.thing').values({ id, key }).execute();
      return row !== undefined;
    });
    return { key, id, kind: made ? 'done' : 'replayed' };
  }

  const once = guarded ? guardedOnce : carelessOnce;
  await Promise.all(
    requests.flatMap(({ key, by, moments }) =>
      moments.map(async (moment) => {
        await sleep(Math.max(0, moment - Date.now()));
        const told = await Promise.all(Array.from({ length: atOnce }, () => once(key, by)));
        for (const one of told) console.log(JSON.stringify(one));
      }),
    ),
  );
  await db.close();
}

if (import.meta.main) {
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) {
    await run(JSON.parse(line) as Plan);
    break;
  }
  process.stdin.destroy();
}
