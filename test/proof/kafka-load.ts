import { setTimeout as pause } from 'node:timers/promises';
import type { RunningPlatform } from '../support/platform.ts';

export interface Posted {
  /** Answers by status, of the creates alone; `0` is no answer. */
  statuses: Record<string, number>;
  /** When (ms since the epoch) and how long (ms) each create took. */
  times: { at: number; took: number }[];
  /** Inspections whose create and measurements were both acknowledged. */
  judgeable: string[];
  created: string[];
  /** When (ms since the epoch) each of `created` was sent, by id. */
  sentAt: Map<string, number>;
}

/**
 * Posts electrical inspections and their measurements at a steady rate until `stop`: what a rule judges without a model, so that each one that is
 * acknowledged has an effect to look for. Nothing is tried again: every answer counts.
 */
export async function postSteadily(platform: RunningPlatform, aSecond: number, stop: AbortSignal): Promise<Posted> {
  const station = platform.station('ICT-HH-1');
  const posted: Posted = { statuses: {}, times: [], judgeable: [], created: [], sentAt: new Map() };
  const send = async (path: string, body: unknown): Promise<Response | undefined> =>
    fetch(platform.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${await station.token()}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(20_000),
    }).catch(() => undefined);
  const one = async (n: number) => {
    const at = Date.now();
    const lot = `LOT-2026-${String(n % 20).padStart(3, '0')}`;
    const answer = await send('/v1/inspections', { lot_id: lot, chip_id: `AWAY-${n}`, inspection_type: 'electrical' });
    posted.times.push({ at, took: Date.now() - at });
    const status = String(answer?.status ?? 0);
    posted.statuses[status] = (posted.statuses[status] ?? 0) + 1;
    if (answer?.status !== 201) return;
    const { id } = (await answer.json()) as { id: string };
    posted.created.push(id);
    posted.sentAt.set(id, at);
    const value = 1 + (n % 7) / 20;
    const measured = await send(`/v1/inspections/${id}/measurements`, [
      { characteristic: 'net_resistance', unit: 'ohm', value, lsl: 0.5, usl: 1.5 },
    ]);
    if (measured?.ok) posted.judgeable.push(id);
  };
  const under = new Set<Promise<void>>();
  for (let n = 0; !stop.aborted; n += 1) {
    const work = one(n).finally(() => under.delete(work));
    under.add(work);
    await pause(1000 / aSecond);
    // A bound: a platform that does not answer is not buried.
    if (under.size >= 64) await Promise.race(under);
  }
  await Promise.all(under);
  return posted;
}
