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
  const drain = async (at: Connection) => {
    while (await isGiven(at));
  };
  await Promise.all(connections.map(drain));
  const begin = performance.now() + SETTLING_MS;
  const end = begin + COUNTED_MS;
  let given = 0;
  await Promise.all(
    connections.map(async (at) => {
      while (performance.now() < end) {
        if (!(await isGiven(at))) await pause(REFUSED_MS);
        else if (performance.now() >= begin) given += 1;
      }
    }),
  );
  return given / (COUNTED_MS / 1000);
}

/** What every way of keeping a limit together does: a client has its rate once, wherever its connections are. */
export async function keepsOneRate(t: TestContext, rate: number, ways: Record<string, readonly Connection[]>): Promise<void> {
  for (const [name, connections] of Object.entries(ways)) {
    const given = await rateOf(connections);
    t.diagnostic(`${name}: ${given} requests/s of ${rate}`);
    assert.ok(Math.abs(given - rate) <= rate * TOLERANCE, `${name}: ${given} of ${rate}`);
  }
}
