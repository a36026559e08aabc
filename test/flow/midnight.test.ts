import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { migrate } from '../../src/platform/db/migrate.ts';
import { uuidv7 } from '../../src/platform/id.ts';
import { startPostgres } from '../../tools/servers/postgres.ts';
import type { Plan, Told } from '../support/door-caller.ts';

const [library] = globSync('/usr/lib/*/faketime/libfaketime.so.1');
const caller = fileURLToPath(new URL('../support/door-caller.ts', import.meta.url));
const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));
const DAY = 86_400_000;
/** From the start of the server to midnight as its clock shows it. */
const LEAD = 18_000;

/** Starts a process under that clock and gives it its plan; resolves when it can begin. */
async function startCaller(environment: Record<string, string>, plan: Plan): Promise<{ told: Promise<Told[]> }> {
  const child = spawn(process.execPath, [caller], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_ENV: 'test', ...environment },
  });
  const heard: Told[] = [];
  let ready: (() => void) | undefined;
  const begun = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const told = new Promise<Told[]>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line === 'ready') ready?.();
      else heard.push(JSON.parse(line) as Told);
    });
    child.on('close', (code) => (code === 0 ? resolve(heard) : reject(new Error(`a caller left with ${code}`))));
  });
  child.stdin.end(`${JSON.stringify(plan)}\n`);
  await Promise.race([begun, told]);
  return { told };
}

const KEYS = 84;

/** Keys whose first use lies within 1.5 s of midnight, and every use again twice, so that many meet on both sides of it. */
function requests(midnight: number): Plan['requests'] {
  const kinds: ((n: number, first: number) => string)[] = [
    (n) => `order-${n}`,
    (_n, first) => uuidv7Of(first),
    // A station whose clock is two seconds fast, or slow; one that sends what it kept for five days; one whose clock is wrong by a month.
    (_n, first) => uuidv7Of(first + 2000),
    (_n, first) => uuidv7Of(first - 2000),
    (_n, first) => uuidv7Of(first - 5 * DAY),
    (_n, first) => uuidv7Of(first + 30 * DAY),
    (_n, first) => uuidv7Of(first - 30 * DAY).toUpperCase(),
  ];
  return Array.from({ length: KEYS }, (_, n) => {
    const first = midnight - 1500 + Math.round((n / KEYS) * 3000);
    return { key: kinds[n % kinds.length]?.(n, first) ?? '', by: n % 2 ? 'change' : 'record', moments: [first, first + 250, first + 2000] };
  });
}

/** A UUIDv7 of any moment: `uuidv7` itself never goes back behind its last. */
function uuidv7Of(millis: number): string {
  const hex = Math.round(millis).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}${uuidv7().slice(13)}`;
}

const why = library === undefined ? 'no libfaketime found (Debian: apt-get install faketime)' : false;

test('one key is one effect across midnight, whichever of two processes is asked at which side of it', { skip: why }, async (t) => {
  const now = Date.now();
  const midnight = Math.ceil((now + LEAD) / DAY) * DAY;
  const ahead = Math.round((midnight - now - LEAD) / 1000);
  const clock = { LD_PRELOAD: library ?? '', FAKETIME: `+${ahead}s`, FAKETIME_DONT_FAKE_MONOTONIC: '1' };
  const server = await startPostgres({ environment: clock });
  const client = new pg.Client({ connectionString: server.url });
  t.after(async () => {
    await client.end();
    await server.remove();
  });
  await migrate({ url: server.url, folder: MIGRATIONS });
  await client.connect();
  await client.query(`create schema shop; create table shop.thing (id text primary key, key text not null);
    create table shop.day_key (day text, key text, primary key (day, key))`);

  const plan: Plan = { url: server.url, guarded: true, atOnce: 2, requests: requests(midnight) };
  const careless: Plan = { ...plan, guarded: false, requests: plan.requests.map((one) => ({ ...one, key: `careless-${one.key}` })) };
  const callers = await Promise.all([plan, plan, careless, careless].map((each) => startCaller(clock, each)));
  const { rows: at } = await client.query<{ left: number }>('select $1::float8 - extract(epoch from clock_timestamp())::float8 as left', [
    midnight / 1000,
  ]);
  t.diagnostic(`ready ${at[0]?.left.toFixed(1)} s before midnight`);
  assert.ok((at[0]?.left ?? 0) > 0.5, 'the callers were ready too late for midnight');
  const told = (await Promise.all(callers.map((one) => one.told))).flat();

  const { rows } = await client.query<{ key: string; ids: string[] }>('select key, array_agg(id) as ids from shop.thing group by key');
  const stored = new Map(rows.map(({ key, ids }) => [key, ids]));
  for (const { key } of plan.requests) assert.equal(stored.get(key)?.length, 1, `${key} had ${stored.get(key)?.length ?? 0} effects`);
  const guarded = told.filter(({ key }) => !key.startsWith('careless-'));
  assert.equal(guarded.length, KEYS * 3 * 2 * 2);
  for (const { key, id } of guarded) assert.equal(id, stored.get(key)?.[0], `${key} was told another answer`);
  assert.equal(guarded.filter(({ kind }) => kind === 'done').length, KEYS);
  const twice = careless.requests.filter(({ key }) => (stored.get(key)?.length ?? 0) > 1).length;
  t.diagnostic(`of ${KEYS} keys looked for in their day alone, ${twice} had two effects`);
  assert.ok(twice > 10, `midnight was not crossed as planned: only ${twice} careless keys had two effects`);
});
