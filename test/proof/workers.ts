import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Inspection } from '../../src/contracts/inspections.ts';
import { freePorts } from '../../src/platform/ports.ts';
import { inspectBoard } from '../../src/simulator/boards/board.ts';
import { encodePng } from '../../src/simulator/boards/png.ts';
import { PlatformClient } from '../../src/simulator/client.ts';
import { makeProducts, type Product, writeProducts } from '../../src/simulator/products.ts';
import { commandOptions } from '../../tools/command-options.ts';
import { amountOption } from '../../tools/option-numbers.ts';
import { testDatabase } from '../support/database.ts';
import { type RunningPlatform, startPlatform } from '../support/platform.ts';

export interface WorkersFigures {
  created: number;
  uploaded: number;
  measured: number;
  settled: number;
  /** From each kill until the last partition of the dead had a living owner (milliseconds). */
  leasesMovedMs: number[];
  faults: string[];
}

const LEASES_MS = 10_000;

/** Stations that post to whichever program lives, with one key over all tries of a request; what was acknowledged counts. */
function load(clients: readonly PlatformClient[], product: Product, stop: AbortSignal) {
  const acknowledged = new Map<string, 'picture' | 'measured'>();
  let uploaded = 0;
  let created = 0;
  const worker = async (index: number) => {
    const visual = index % 3 === 0;
    const picture = encodePng(inspectBoard(product.template, { seed: index, defects: index % 2 }).picture);
    for (let chip = 0; !stop.aborted; chip += 1) {
      try {
        const client = clients[(index + chip) % clients.length] as PlatformClient;
        const board = { lot_id: 'LOT-2026-001', chip_id: `UNIT-${index}-${chip}`, inspection_type: visual ? 'visual' : 'electrical' };
        const { id } = await client.send<Inspection>('POST', '/v1/inspections', board);
        created += 1;
        if (visual) {
          await client.upload('POST', `/v1/inspections/${id}/artifacts?kind=image`, picture, 'image/png');
          uploaded += 1;
        } else
          await client.send('POST', `/v1/inspections/${id}/measurements`, [{ characteristic: 'net_resistance', unit: 'ohm', value: 1 }]);
        acknowledged.set(id, visual ? 'picture' : 'measured');
      } catch {
        // Nothing was acknowledged: the program died under the request, and the next one goes to another.
      }
      if (visual) await pause(150);
    }
  };
  const all = Promise.all(Array.from({ length: 9 }, (_, index) => worker(index)));
  return { acknowledged, done: all, counts: () => ({ created, uploaded }) };
}

/** Milliseconds until no partition belongs to a process of this number. */
async function moved(database: pg.Client, pid: number): Promise<number> {
  const began = performance.now();
  for (;;) {
    const { rows } = await database.query<{ n: number }>(
      `select count(*)::int as n from platform.bus_position where owner is null or split_part(owner, '/', 2) = $1`,
      [String(pid)],
    );
    if (rows[0]?.n === 0 || performance.now() - began > 3 * LEASES_MS) return Math.round(performance.now() - began);
    await pause(50);
  }
}

/** Verdict events and ledger entries of each inspection; exactly one of each is right. */
async function doubles(database: pg.Client, ids: readonly string[]): Promise<string[]> {
  const faults: string[] = [];
  for (const [name, text] of [
    [
      'verdict events',
      `select event->'aggregate'->>'id' as id, count(*)::int as n from platform.outbox
       where event->>'event_type' in ('inspection.judged', 'inspection.waiting') group by 1`,
    ],
    [
      'ledger entries of a verdict',
      `select object_id as id, count(*)::int as n from platform.audit where action in ('inspection.judged', 'inspection.waiting') group by 1`,
    ],
  ] as const) {
    const { rows } = await database.query<{ id: string; n: number }>(text);
    const counts = new Map(rows.map(({ id, n }) => [id, n]));
    for (const id of ids) if (counts.get(id) !== 1) faults.push(`${id} has ${counts.get(id) ?? 0} ${name}`);
  }
  return faults;
}

export interface WorkersOptions {
  secondsEach: number;
  /**
   * Each program under a host name of its own: nobody can see that the owner of a lease is dead, it has to run out. The first is then frozen in place of
   * killed, and wakes with what it believes to own when the second is killed.
   */
  apart: boolean;
}

/** Three programs on one database under load; two are killed in turn, the third goes on; then what was acknowledged is held against what is there. */
export async function measureWorkers({ secondsEach, apart }: WorkersOptions, say: (text: string) => void): Promise<WorkersFigures> {
  const ends: (() => Promise<void>)[] = [];
  const t = { after: (fn: () => Promise<void>) => void ends.push(fn) };
  const dataDir = await mkdtemp(join(tmpdir(), 'cqp-three-'));
  ends.push(() => rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 }));
  try {
    const { url } = await testDatabase(t);
    const database = new pg.Client({ connectionString: url });
    await database.connect();
    const ports = await freePorts(3);
    const addresses = ports.map((port) => `http://localhost:${port}`);
    const environment = {
      DATABASE_URL: url,
      PUBLIC_URL: addresses[2] ?? '',
      DB_POOL_SIZE: '8',
      DB_MAX_OVERFLOW: '4',
      TOKEN_LIFETIME: '1h',
    };
    const programs: RunningPlatform[] = [];
    for (const [index, port] of ports.entries())
      programs.push(
        await startPlatform(t, {
          dataDir,
          environment: { ...environment, PORT: String(port) },
          ...(apart ? { host: `host-${index + 1}` } : {}),
        }),
      );
    const [first, second, third] = programs as [RunningPlatform, RunningPlatform, RunningPlatform];
    say('three programs serve');
    const [product] = makeProducts(13, 1) as [Product];
    const erp = third.station('erp-hamburg');
    await writeProducts(erp, [product]);
    await erp.send('PUT', '/v1/lots/LOT-2026-001', { product: product.code, revision: product.revision });
    const stop = new AbortController();
    const client = third.credentials.clients.find((one) => one.station_id === 'AOI-HH-1');
    if (!client) throw new Error('no station');
    const token_endpoint = third.credentials.token_endpoint;
    const clients = addresses.map((address) => new PlatformClient({ url: address, tokenEndpoint: token_endpoint, client, tries: 2 }));
    const posting = load(clients, product, stop.signal);
    const leasesMovedMs: number[] = [];
    for (const victim of [first, second]) {
      await pause(secondsEach * 1000);
      const frozen = apart && victim === first;
      if (frozen) victim.process.kill('SIGSTOP');
      else await victim.stop('SIGKILL');
      if (apart && victim === second) first.process.kill('SIGCONT');
      leasesMovedMs.push(await moved(database, victim.process.pid ?? 0));
      const what = frozen ? 'frozen' : 'killed';
      say(`one ${what} after ${posting.acknowledged.size} acknowledged; its partitions moved within ${leasesMovedMs.at(-1)} ms`);
    }
    await pause(secondsEach * 1000);
    stop.abort();
    await posting.done;
    const faults: string[] = [];
    for (const [index, ms] of leasesMovedMs.entries()) if (ms > LEASES_MS) faults.push(`partitions moved ${ms} ms after kill ${index + 1}`);
    let settled = 0;
    const reader = new PlatformClient({ url: addresses[2] ?? '', tokenEndpoint: token_endpoint, client });
    const until = Date.now() + 120_000;
    for (const id of posting.acknowledged.keys()) {
      let found = await reader.get<Inspection>(`/v1/inspections/${id}`);
      while ((found.status === 'pending' || found.status === 'in_progress') && Date.now() < until)
        found = await reader.get<Inspection>(`/v1/inspections/${id}?wait=20`);
      if (found.status === 'completed' || found.status === 'awaiting_review') settled += 1;
      else faults.push(`${id} is stuck: ${found.status}`);
    }
    say(`${settled} of ${posting.acknowledged.size} judged`);
    faults.push(...(await doubles(database, [...posting.acknowledged.keys()])));
    await database.end();
    const measured = [...posting.acknowledged.values()].filter((kind) => kind === 'measured').length;
    return { ...posting.counts(), measured, settled, leasesMovedMs, faults };
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

if (import.meta.main) {
  const { values } = commandOptions({
    options: {
      seconds: { type: 'string', default: '60' },
      apart: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help)
    console.log(`usage: node test/proof/workers.ts [--seconds 60] [--apart]

Three programs on one database under load. After --seconds the first is killed (SIGKILL), after as many the second, and the third goes on as long. Then every
inspection that was acknowledged must be judged, have one verdict event and one ledger entry, and partitions of the bus must have moved within 10 s of each kill.

  --apart   each program under a host name of its own, as on three machines, where nobody sees that the owner of a lease is dead (Linux, root). The first
            is frozen in place of killed, and wakes up when the second is killed: what it believes to own must do no harm.`);
  else {
    const figures = await measureWorkers({ secondsEach: amountOption('seconds', values.seconds), apart: values.apart }, (text) =>
      console.error(text),
    );
    console.log(JSON.stringify({ ...figures, faults: figures.faults.slice(0, 20) }));
    if (figures.faults.length > 0) process.exitCode = 1;
    process.exit();
  }
}
