import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Connection } from '../support/connection.ts';

/** After what had been saved is used up, for all to hear of it; then as long as is counted (milliseconds). */
const SETTLING_MS = 1000;
const COUNTED_MS = 4000;
/** Who is refused asks again after this: nothing is lost by it, and the machine has time for the processes. */
const REFUSED_MS = 5;
/** Share by which the rate may be missed by a machine that stands still for two seconds; two that do not hear each other give twice the rate. */
export const TOLERANCE = 0.3;

async function isGiven({ ask }: Connection): Promise<boolean> {
  const { status, body } = await ask('GET', '/v1/me');
  assert.ok(status === 200 || status === 429, body);
  return status === 200;
}

/** Requests a second that one client gets over these connections, once what it had saved is used up. */
export async function rateOf(connections: readonly Connection[]): Promise<number> {
  /** As fast as they are given, and until one is refused after `end`: what was saved meanwhile is counted as well. */
  const ask = async (at: Connection, end: number): Promise<number> => {
    for (let given = 0; ; )
      if (await isGiven(at)) given += 1;
      else if (performance.now() >= end) return given;
      else await pause(REFUSED_MS);
  };
  const settled = performance.now() + SETTLING_MS;
  await Promise.all(connections.map((at) => ask(at, settled)));
  const begin = performance.now();
  const given = await Promise.all(connections.map((at) => ask(at, begin + COUNTED_MS)));
  return (given.reduce((sum, one) => sum + one, 0) * 1000) / (performance.now() - begin);
}

/** What every way of keeping a limit together does: a client has its rate once, wherever its connections are. */
export async function keepsOneRate(t: TestContext, rate: number, ways: Record<string, readonly Connection[]>): Promise<void> {
  for (const [name, connections] of Object.entries(ways)) {
    let given = await rateOf(connections);
    // What was saved while the machine stood still is given at once: limits that do not know of each other stay wrong.
    for (let more = 0; more < 2 && Math.abs(given - rate) > rate * TOLERANCE; more += 1) given = await rateOf(connections);
    t.diagnostic(`${name}: ${given} requests/s of ${rate}`);
    assert.ok(Math.abs(given - rate) <= rate * TOLERANCE, `${name}: ${given} of ${rate}`);
  }
}
