import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Inspection } from '../../src/contracts/inspections.ts';
import { freePort } from '../../src/platform/ports.ts';
import type { Gaps, StationStatus } from '../../src/station-client/index.ts';
import { commandOptions } from '../../tools/command-options.ts';
import { wholeOption } from '../../tools/option-numbers.ts';
import { type RunningPlatform, startPlatform } from '../support/platform.ts';

export interface StationFigures {
  rounds: number;
  stationKills: number;
  platformKills: number;
  promised: number;
  measured: number;
  /** On the platform: what was promised, and what was on the disk when the station died before it could say so. */
  stored: number;
  report: { status: StationStatus; gaps: Gaps };
  faults: string[];
}
interface Promised {
  chip_id: string;
  station_sequence?: number;
  inspected_at?: string;
  measured?: boolean;
}

const STATION = 'ICT-HH-1';
const worker = fileURLToPath(new URL('station-worker.ts', import.meta.url));

function startStation(platform: RunningPlatform, home: string, run: number): ChildProcess {
  const options = {
    url: platform.url,
    credentials: join(platform.dataDir, 'demo-credentials.json'),
    station: STATION,
    folder: join(home, 'queue'),
    promised: join(home, 'promised.ndjson'),
    report: join(home, 'report.json'),
    run: String(run),
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  return spawn(process.execPath, [worker, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
}

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
    else child.once('exit', (code) => resolve(code));
  });

async function everything(platform: RunningPlatform): Promise<Inspection[]> {
  const token = await platform.tokenOf(platform.credentials.users.find((user) => user.roles.includes('system_admin'))?.username ?? '');
  const all: Inspection[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query = `station_id=${STATION}&include=measurements&limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
    const answer = await fetch(`${platform.url}/v1/inspections?${query}`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(30_000),
    });
    if (!answer.ok) throw new Error(`the list answered ${answer.status}`);
    const page = (await answer.json()) as { data: Inspection[]; next_cursor: string | null };
    all.push(...page.data);
    cursor = page.next_cursor;
  }
  return all;
}

/** Kills a station and its platform under load, again and again, then holds what is stored against what the station had been promised. */
export async function measureStation(rounds: number, say: (text: string) => void): Promise<StationFigures> {
  const home = await mkdtemp(join(tmpdir(), 'cqp-station-proof-'));
  const dataDir = join(home, 'platform');
  const environment = { PORT: String(await freePort()), TOKEN_LIFETIME: '1h' };
  let stationKills = 0;
  let platformKills = 0;
  let run = 0;
  let station: ChildProcess | null = null;
  try {
    let platform = await startPlatform(null, { dataDir, environment });
    station = startStation(platform, home, 0);
    for (let round = 1; round <= rounds; round += 1) {
      await pause(800 + randomInt(1500));
      const what = round % 3;
      if (what !== 1) {
        station.kill('SIGKILL');
        await ended(station);
        stationKills += 1;
      }
      if (what !== 2) {
        await platform.stop('SIGKILL');
        platformKills += 1;
        // The station goes on while nobody answers.
        if (what === 1) await pause(500 + randomInt(1000));
        platform = await startPlatform(null, { dataDir, environment });
      }
      if (what !== 1) {
        station = startStation(platform, home, round);
        run = round;
      }
      say(`round ${round} of ${rounds}: ${stationKills} stations and ${platformKills} platforms killed`);
    }
    // The last one started must be at work, or the signal comes before it listens.
    const begun = `"ST-${run}-`;
    for (
      const end = Date.now() + 60_000;
      Date.now() < end && !(await readFile(join(home, 'promised.ndjson'), 'utf8').catch(() => '')).includes(begun);
    )
      await pause(50);
    await pause(1500);
    station.kill('SIGTERM');
    const code = await ended(station);
    const faults = code === 0 ? [] : [`the station left with ${code}`];
    const figures = await hold(home, await everything(platform), faults);
    await platform.stop();
    return { rounds, stationKills, platformKills, ...figures };
  } finally {
    station?.kill('SIGKILL');
    await rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
  }
}

async function hold(home: string, stored: Inspection[], faults: string[]) {
  const text = await readFile(join(home, 'promised.ndjson'), 'utf8');
  // A line that the kill cut short was no promise yet.
  const lines = text
    .slice(0, text.lastIndexOf('\n'))
    .split('\n')
    .map((line) => JSON.parse(line) as Promised);
  const byChip = Map.groupBy(stored, ({ chip_id }) => chip_id);
  for (const [chip, found] of byChip) if (found.length > 1) faults.push(`${chip} is stored ${found.length} times`);
  for (const { chip_id, station_sequence, inspected_at, measured } of lines) {
    const found = byChip.get(chip_id)?.[0];
    if (!found) faults.push(`${chip_id} is lost`);
    else if (measured) {
      if (found.measurements?.length !== 1) faults.push(`${chip_id} has ${found.measurements?.length} measurements`);
    } else if (found.station_sequence !== station_sequence || found.inspected_at !== inspected_at)
      faults.push(`${chip_id} is ${found.station_sequence} of ${found.inspected_at}, not ${station_sequence} of ${inspected_at}`);
  }
  const report = JSON.parse(await readFile(join(home, 'report.json'), 'utf8')) as StationFigures['report'];
  const { status, gaps } = report;
  if (status.queued > 0 || status.dead > 0) faults.push(`${status.queued} wait and ${status.dead} are dead`);
  if (gaps.missing.length > 0) faults.push(`missing: ${JSON.stringify(gaps.missing.slice(0, 10))}`);
  if (gaps.highest !== stored.length || status.lastSequence !== stored.length)
    faults.push(`${stored.length} stored, ${gaps.highest} the highest, ${status.lastSequence} given out`);
  return {
    promised: lines.filter(({ measured }) => !measured).length,
    measured: lines.filter(({ measured }) => measured).length,
    stored: stored.length,
    report,
    faults,
  };
}

if (import.meta.main) {
  const { values } = commandOptions({ options: { rounds: { type: 'string', default: '30' }, help: { type: 'boolean', default: false } } });
  if (values.help)
    console.log(
      'usage: node test/proof/station.ts [--rounds 30]\n\nKills a posting station, its platform, or both (SIGKILL) at random moments and checks that every inspection the station was promised is stored once, with its number and time, and that no number is missing.',
    );
  else {
    const figures = await measureStation(wholeOption('rounds', values.rounds), (text) => console.error(text));
    console.log(JSON.stringify(figures));
    if (figures.faults.length > 0) process.exitCode = 1;
  }
}
