import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { OpenLoopResult } from './load/open-loop.ts';
import type { MemoryPeak } from './process-tree.ts';
import { OTHER_CORE, pin, type Side } from './sides/side.ts';

const LOAD = fileURLToPath(new URL('load.ts', import.meta.url));
/** The control answers in less than this (P95, ms), or the machine was too busy to judge by. */
const CONTROL_P95 = 20;
const TRIES = 3;

export interface LatencySize {
  rate: number;
  connections: number;
  seconds: number;
  burst: number;
}
export type Measured = OpenLoopResult & { memory?: MemoryPeak[] };
export interface LatencyResult {
  control: Measured;
  ours: Measured;
  /** The control was quick enough for the figures to be judged. */
  valid: boolean;
  tries: number;
}

async function load(side: Side, size: LatencySize, folder: string): Promise<Measured> {
  const tokens = join(folder, `${side.name}.tokens`);
  const json = join(folder, `${side.name}.latency.json`);
  await writeFile(tokens, side.tokens.good.join('\n'), { mode: 0o600 });
  const given = { url: `http://127.0.0.1:${side.port}`, 'token-file': tokens, ...size, pid: side.pid, json };
  const child = spawn(process.execPath, [LOAD, ...Object.entries(given).flatMap(([name, value]) => [`--${name}`, String(value)])], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  pin(child.pid ?? 0, OTHER_CORE);
  await new Promise((resolve) => child.once('exit', resolve));
  return JSON.parse(await readFile(json, 'utf8')) as Measured;
}

/** Open loop, the control in the minute before ours; again when the control itself was slow, at most three times. */
export async function measureLatency(
  ours: Side,
  control: Side,
  size: LatencySize,
  folder: string,
  tries: number = TRIES,
): Promise<LatencyResult> {
  for (let attempt = 1; ; attempt += 1) {
    const beside = await load(control, size, folder);
    const result = { control: beside, ours: await load(ours, size, folder), tries: attempt };
    const valid = (beside.steady?.latency.p95 ?? Number.POSITIVE_INFINITY) < CONTROL_P95;
    if (valid || attempt >= tries) return { ...result, valid };
  }
}

export function latencyLines({ control, ours, valid, tries }: LatencyResult, size: LatencySize): string[] {
  const line = (name: string, part: 'steady' | 'burst', measured: Measured) => {
    const one = measured[part];
    if (one === undefined) return [];
    const { p50, p95, p99 } = one.latency;
    const other = Object.entries(one.statuses)
      .filter(([status]) => !status.startsWith('2'))
      .map(([status, count]) => `${count} x ${status}`);
    const cells = [
      one.due,
      one.answered,
      ...[p50, p95, p99].map((millis) => millis.toFixed(1)),
      one.server_errors,
      one.resets + one.unanswered,
    ];
    return [`| ${name}, ${part} | ${cells.join(' | ')} | ${other.join(', ') || '-'} | ${measured.memory?.[0]?.peak_mib ?? '-'} |`];
  };
  return [
    `${size.rate} requests/s over ${size.connections} connections for ${size.seconds} s (open loop, Poisson), then ${size.burst} within one second`,
    '| | due | answered | P50 ms | P95 ms | P99 ms | 5xx | resets and unanswered | other statuses | memory peak MiB |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...(['steady', 'burst'] as const).flatMap((part) => [...line('control', part, control), ...line('ours', part, ours)]),
    valid
      ? `the control's P95 is below ${CONTROL_P95} ms: the figures can be judged`
      : `the control's P95 is not below ${CONTROL_P95} ms after ${tries} tries: the machine was busy, judge ours by its distance to the control`,
  ];
}
