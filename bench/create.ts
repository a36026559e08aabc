import { cpus } from 'node:os';
import { checkExactly } from './exact-check.ts';
import { type Row, type Run, runOnce, summarise } from './rounds.ts';
import { WITHOUT_DUTIES } from './sides/peers.ts';
import type { BenchDatabase } from './sides/postgres.ts';
import type { Side } from './sides/side.ts';
import { median, mirrored, pairedRatios } from './stats.ts';

/** A run in which others took more of the machine than this is done again, a few times; then it is kept and said to be noisy. */
const NOISY = 0.05;
const REPEATS = 3;
/** Repeats in a row that were no better: the machine is busy throughout, and no more is done again. */
const IN_VAIN = 6;
const CONNECTIONS = 64;

export interface CreateSize {
  /** `performance.now()` at the start, servers included. */
  began: number;
  /** Mirrored rounds: each server runs twice in one. */
  rounds: number;
  /** The same for the peers without duties, which no goal is set on. */
  roundsWithoutDuties: number;
  seconds: number;
  warmup: number;
  /** Posts of the exact check. */
  posts: number;
  /** Seconds after which noisy runs are not done again, and after which no further round begins (the first always runs). */
  repeatUntil: number;
  beginUntil: number;
}

export interface CreateResult {
  rows: Record<string, Row>;
  /** Median of the paired ratios of processor time a request: a server's over ours. */
  overOurs: Record<string, number>;
  rounds: number;
  repeated: number;
  noisy: number;
}

/**
 * POST /v1/inspections on every side in turn and back again. Each is checked exactly first. One that fails its check or its load is told and left out,
 * unless it is ours. @throws Incorrect when ours is wrong
 */
export async function measureCreate(
  sides: readonly Side[],
  database: BenchDatabase,
  size: CreateSize,
  say: (text: string) => void,
): Promise<CreateResult> {
  const seconds = () => (performance.now() - size.began) / 1000;
  const runs: Record<string, Run[]> = Object.fromEntries(sides.map(({ name }) => [name, []]));
  const broken = new Set<string>();
  let repeated = 0;
  let inVain = 0;
  const attempt = async (side: Side, work: () => Promise<void>) => {
    if (broken.has(side.name)) return;
    try {
      await work();
    } catch (error) {
      if (side.name === 'ours') throw error;
      broken.add(side.name);
      say(`left out: ${error instanceof Error ? error.message : error}`);
    }
  };
  for (const side of sides) await attempt(side, () => checkExactly(side, database, size.posts));
  const options = { connections: CONNECTIONS, seconds: size.seconds, warmup: size.warmup, cores: cpus().length };
  let rounds = 0;
  for (let round = 0; round < size.rounds && (round === 0 || seconds() < size.beginUntil); round += 1) {
    rounds += 1;
    const taking = sides.filter(({ name }) => round < size.roundsWithoutDuties || !name.endsWith(WITHOUT_DUTIES));
    for (const side of mirrored(taking))
      await attempt(side, async () => {
        let run = await runOnce(side, database, options);
        for (let again = 0; again < REPEATS && run.strangers > NOISY; again += 1) {
          if (inVain >= IN_VAIN || seconds() > size.repeatUntil) break;
          repeated += 1;
          const next = await runOnce(side, database, options);
          inVain = next.strangers > NOISY ? inVain + 1 : 0;
          if (next.strangers < run.strangers) run = next;
        }
        runs[side.name]?.push(run);
        say(
          `round ${round + 1} of ${size.rounds}: ${side.name} ${run.requests_s.toFixed(0)}/s, ${run.cpu_us.toFixed(0)} us, others ${(run.strangers * 100).toFixed(0)} %`,
        );
      });
  }
  const measured = Object.entries(runs).filter(([name, own]) => own.length > 0 && !broken.has(name));
  const ours = (runs.ours ?? []).map(({ cpu_us }) => cpu_us);
  const rows = Object.fromEntries(measured.map(([name, own]) => [name, summarise(own, NOISY)]));
  return {
    rows,
    overOurs: Object.fromEntries(
      measured.map(([name, own]) => [
        name,
        median(
          pairedRatios(
            own.map(({ cpu_us }) => cpu_us),
            ours,
          ),
        ),
      ]),
    ),
    rounds,
    repeated,
    noisy: Object.values(rows).reduce((sum, { noisy }) => sum + noisy, 0),
  };
}
