import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Artifact } from '../../src/contracts/artifacts.ts';
import type { AuditEntry } from '../../src/contracts/audit.ts';
import type { Inspection } from '../../src/contracts/inspections.ts';
import { freePort } from '../../src/platform/ports.ts';
import { inspectBoard } from '../../src/simulator/boards/board.ts';
import { encodePng } from '../../src/simulator/boards/png.ts';
import { makeProducts, type Product, writeProducts } from '../../src/simulator/products.ts';
import { commandOptions } from '../../tools/command-options.ts';
import { wholeOption } from '../../tools/option-numbers.ts';
import { type RunningPlatform, startPlatform } from '../support/platform.ts';
import { readEvents } from './events.ts';

export interface KillFigures {
  rounds: number;
  created: number;
  uploaded: number;
  measured: number;
  /** Inspections that had all they needed and are judged or wait for a person. */
  settled: number;
  /** Inference jobs under way at the moment of each kill, summed. */
  jobsInFlight: number;
  faults: string[];
}

/** What the platform acknowledged before it was killed. */
interface Acknowledged {
  inspections: Map<string, { judgeable: boolean }>;
  artifacts: Map<string, string>;
}

async function get<T>(platform: RunningPlatform, token: string, path: string): Promise<T> {
  const answer = await fetch(platform.url + path, { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(30_000) });
  if (!answer.ok) throw new Error(`GET ${path} answered ${answer.status}`);
  return (await answer.json()) as T;
}

const adminToken = (platform: RunningPlatform): Promise<string> =>
  platform.tokenOf(platform.credentials.users.find((user) => user.roles.includes('system_admin'))?.username ?? '');

/** Inspections that a model is at, as the API tells: one page is enough to know that there are at least five. */
async function underWay(platform: RunningPlatform, token: string): Promise<number> {
  return (await get<{ data: unknown[] }>(platform, token, '/v1/inspections?status=in_progress&limit=100')).data.length;
}

/** Stations that post until the platform dies under them; only what was answered counts. */
function load(
  platform: RunningPlatform,
  product: Product,
  lot: string,
  round: number,
  acknowledged: Acknowledged,
  stop: AbortSignal,
): Promise<unknown> {
  let posted = 0;
  const worker = async (station: string, visual: boolean, index: number) => {
    const client = platform.station(station, stop);
    const picture = encodePng(inspectBoard(product.template, { seed: round * 100 + index, defects: index % 3 }).picture);
    while (!stop.aborted) {
      const chip = `KILL-${round}-${index}-${posted++}`;
      const { id } = await client.send<Inspection>('POST', '/v1/inspections', {
        lot_id: lot,
        chip_id: chip,
        inspection_type: visual ? 'visual' : 'electrical',
      });
      const known = { judgeable: false };
      acknowledged.inspections.set(id, known);
      if (visual) {
        const artifact = await client.upload<Artifact>('POST', `/v1/inspections/${id}/artifacts?kind=image`, picture, 'image/png');
        acknowledged.artifacts.set(artifact.id, artifact.sha256);
      } else
        await client.send('POST', `/v1/inspections/${id}/measurements`, [
          { characteristic: 'net_resistance', unit: 'ohm', value: 1 + (posted % 7) / 20 },
        ]);
      known.judgeable = true;
    }
  };
  const visual = Array.from({ length: 4 }, (_, index) => worker(index % 2 ? 'AOI-HH-1' : 'AOI-HH-2', true, index));
  return Promise.allSettled([...visual, worker('ICT-HH-1', false, 4), worker('ICT-HH-1', false, 5)]);
}

/** Kills the platform under load again and again, then holds what it kept against what it had acknowledged. */
export async function measureKills(rounds: number, say: (text: string) => void): Promise<KillFigures> {
  const dataDir = await mkdtemp(join(tmpdir(), 'cqp-kill-'));
  const environment = { PORT: String(await freePort()), TOKEN_LIFETIME: '1h' };
  const acknowledged: Acknowledged = { inspections: new Map(), artifacts: new Map() };
  const product = makeProducts(11, 1)[0] as Product;
  let jobsInFlight = 0;
  try {
    let platform = await startPlatform(null, { dataDir, environment });
    const erp = platform.station('erp-hamburg');
    await writeProducts(erp, [product]);
    const token = await adminToken(platform);
    for (let round = 1; round <= rounds; round += 1) {
      const lot = `LOT-2026-${String(round).padStart(3, '0')}`;
      await platform.station('erp-hamburg').send('PUT', `/v1/lots/${lot}`, { product: product.code, revision: product.revision });
      const stop = new AbortController();
      const posting = load(platform, product, lot, round, acknowledged, stop.signal);
      await pause(700 + randomInt(2500));
      // A round in which nothing was acknowledged shows nothing.
      for (const end = Date.now() + 20_000; acknowledged.artifacts.size < 4 * round && Date.now() < end; ) await pause(50);
      jobsInFlight += await underWay(platform, token);
      await platform.stop('SIGKILL');
      stop.abort();
      await posting;
      platform = await startPlatform(null, { dataDir, environment });
      say(
        `round ${round} of ${rounds}: ${acknowledged.inspections.size} inspections acknowledged, back after ${Math.round(platform.readyMillis)} ms`,
      );
    }
    const figures = await hold(platform, acknowledged, say);
    await platform.stop();
    return { rounds, jobsInFlight, ...figures };
  } finally {
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
  }
}

async function hold(
  platform: RunningPlatform,
  acknowledged: Acknowledged,
  say: (text: string) => void,
): Promise<Omit<KillFigures, 'rounds' | 'jobsInFlight'>> {
  const token = await adminToken(platform);
  const faults: string[] = [];
  let settled = 0;
  const until = Date.now() + 300_000;
  for (const [id, { judgeable }] of acknowledged.inspections) {
    for (;;) {
      const found = await get<Inspection>(platform, token, `/v1/inspections/${id}?wait=${judgeable ? 20 : 0}`).catch(
        (error: Error) => error,
      );
      if (found instanceof Error) faults.push(`${id}: ${found.message}`);
      else if (judgeable && (found.status === 'pending' || found.status === 'in_progress') && Date.now() < until) {
        say(`${id} is ${found.status} still`);
        continue;
      } else if (judgeable && found.status !== 'completed' && found.status !== 'awaiting_review')
        faults.push(`${id} is stuck: ${found.status}`);
      else if (judgeable) settled += 1;
      break;
    }
  }
  say(`${settled} settled; checking ${acknowledged.artifacts.size} artifacts, the audit trail and the events`);
  for (const [id, sha256] of acknowledged.artifacts) {
    const artifact = await get<Artifact>(platform, token, `/v1/artifacts/${id}`).catch(() => undefined);
    const bytes = await fetch(`${platform.url}/v1/artifacts/${id}/content`, { headers: { authorization: `Bearer ${token}` } });
    const hash = Buffer.from(await crypto.subtle.digest('SHA-256', await bytes.arrayBuffer())).toString('hex');
    if (artifact?.sha256 !== sha256 || hash !== sha256) faults.push(`artifact ${id} is not what was acknowledged`);
  }
  const entries = new Map<string, number>();
  for (const action of ['inspection.judged', 'inspection.waiting']) {
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: { data: AuditEntry[]; next_cursor: string | null } = await get(
        platform,
        token,
        `/v1/audit?action=${action}&limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`,
      );
      for (const entry of page.data) entries.set(entry.object.id, (entries.get(entry.object.id) ?? 0) + 1);
      cursor = page.next_cursor;
    }
  }
  const told = new Map<string, number>();
  const decided = [...entries.values()].reduce((sum, count) => sum + count, 0);
  for (const event of await readEvents(platform.url, token, ['inspection.judged', 'inspection.waiting'], decided))
    told.set(event.aggregate.id, (told.get(event.aggregate.id) ?? 0) + 1);
  for (const [id, { judgeable }] of acknowledged.inspections) {
    if (!judgeable) continue;
    if (entries.get(id) !== 1) faults.push(`${id} has ${entries.get(id) ?? 0} audit entries of its verdict`);
    if (told.get(id) !== 1) faults.push(`${id} has ${told.get(id) ?? 0} verdict events`);
  }
  const judgeable = [...acknowledged.inspections.values()].filter((one) => one.judgeable).length;
  return {
    created: acknowledged.inspections.size,
    uploaded: acknowledged.artifacts.size,
    measured: judgeable - acknowledged.artifacts.size,
    settled,
    faults,
  };
}

if (import.meta.main) {
  const { values } = commandOptions({ options: { rounds: { type: 'string', default: '50' }, help: { type: 'boolean', default: false } } });
  if (values.help)
    console.log(
      'usage: node test/proof/kill.ts [--rounds 50]\n\nKills the platform (SIGKILL) at random moments under load and checks that nothing acknowledged is lost or judged twice.',
    );
  else {
    const figures = await measureKills(wholeOption('rounds', values.rounds), (text) => console.error(text));
    console.log(JSON.stringify(figures));
    if (figures.faults.length > 0) process.exitCode = 1;
  }
}
