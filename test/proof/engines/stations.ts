import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchResult, Inspection } from '../../../src/contracts/inspections.ts';
import { type Answered, openAsker } from './ask.ts';
import { blame, type Creation, type History, type Measuring, type SentItem } from './history.ts';

export interface Station {
  id: string;
  site: string;
  token: string;
}

export interface LoadOptions {
  history: History;
  stations: readonly Station[];
  /** Where the programs listen; a try goes to any of them, as through a balancer. */
  bases: readonly string[];
  /** Loops of each kind; each has one request under way at most (a pair of them for `twins`). */
  loops?: Partial<Record<Kind, number>>;
  /** Longest rest of a loop between two operations (milliseconds). */
  restMs?: number;
  /** A try without an answer is given up after this (milliseconds). */
  timeoutMs?: number;
  /** Every answer, for whoever measures them. */
  seen?(answer: Answered): void;
}

export type Kind = 'plain' | 'keyed' | 'twins' | 'batch' | 'measured';
const LOOPS: Record<Kind, number> = { plain: 16, keyed: 16, twins: 4, batch: 4, measured: 8 };
const BATCH = 40;
const TYPES = ['electrical', 'dimensional', 'visual', 'thermal'] as const;
/** One of so many measured units is out of its limits: below what holds a lot. */
const FAIL_EVERY = 12;

export interface Load {
  /** Requests under way. */
  underWay(): number;
  /** Ends the loops; what carries a key is tried on until `patienceMs` are over, and what then has no answer is `info`. */
  end(patienceMs?: number): Promise<void>;
  /** Sends again the last acknowledged ones with a key among the first `before`, as a station does that lost the answer on its own side. */
  repeat(before: number, count: number): Promise<void>;
}

const itemsOf = (results: readonly BatchResult[]): string[] =>
  results.every(({ status, id }) => status === 201 && id) ? results.map(({ id }) => id ?? '') : [];

/** The ids that an answer acknowledges, in order; null: it is not the answer that its request has. */
function idsOf(creation: Creation, { status, text, contentType }: Answered): string[] | null {
  try {
    if (creation.items.length === 1) return status === 201 ? [(JSON.parse(text) as Inspection).id] : null;
    const results = contentType.includes('ndjson')
      ? (text
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line)) as BatchResult[])
      : (JSON.parse(text) as { results: BatchResult[] }).results;
    const ids = itemsOf(results);
    return status === 200 && ids.length === creation.items.length ? ids : null;
  } catch {
    return null;
  }
}

/** Stations that post without end, round after round, through whatever happens to the engines. */
export function startLoad(options: LoadOptions, round: number): Load {
  const { history, stations, bases, restMs = 30, timeoutMs = 10_000, seen } = options;
  const asker = openAsker(timeoutMs);
  let ending = false;
  let givenUpAt = Number.POSITIVE_INFINITY;
  let underWay = 0;

  async function once(path: string, station: Station, text: string, key: string | null, type = 'application/json'): Promise<Answered> {
    underWay += 1;
    const base = bases[randomInt(bases.length)] ?? '';
    const answer = await asker.post(base, { path, token: station.token, type, text, key });
    underWay -= 1;
    const name = answer.status === 0 ? 'cut' : answer.status === -1 ? 'refused' : String(answer.status);
    history.answers.set(name, (history.answers.get(name) ?? 0) + 1);
    if (answer.replayed) history.replayed += 1;
    seen?.(answer);
    return answer;
  }

  /** Tries until an answer tells: with a key as often as it takes, without one only while nothing can have happened. */
  async function insist(what: { key: string | null; outcome: string }, send: () => Promise<Answered>): Promise<Answered | null> {
    let doubt = false;
    for (let tries = 0; ; tries += 1) {
      if (tries > 0 && what.key !== null) history.repeated += 1;
      const answer = await send();
      const { status } = answer;
      if (status === 200 || status === 201) return answer;
      doubt ||= status === 0 || status === 503 || status === 409;
      const again = status <= 0 || status === 503 || status === 429 || (status === 409 && answer.text.includes('idempotency_in_progress'));
      if (!again) blame(history, `answered ${status}: ${answer.text}`);
      if (!again || (doubt && what.key === null) || Date.now() > givenUpAt || (ending && what.key === null)) {
        what.outcome = doubt || !again ? 'info' : 'fail';
        return null;
      }
      await sleep(50 + randomInt(200));
    }
  }

  async function create(station: Station, key: string | null, items: SentItem[], batch: 'array' | 'lines' | null, twins = false) {
    const creation: Creation = { station: station.id, site: station.site, key, items, outcome: 'open', ids: [], answer: null };
    history.creations.push(creation);
    const path = batch === null ? '/v1/inspections' : '/v1/inspections/batch';
    const text = batch === 'lines' ? items.map((item) => JSON.stringify(item)).join('\n') : JSON.stringify(batch ? items : items[0]);
    const send = () => once(path, station, text, key, batch === 'lines' ? 'application/x-ndjson' : undefined);
    const answers = await Promise.all(Array.from({ length: twins ? 2 : 1 }, () => insist(creation, send)));
    const told = answers.filter((answer) => answer !== null);
    const heard = told.map((answer) => idsOf(creation, answer));
    const [ids] = heard;
    if (told.length === 0) return creation;
    if (!ids) blame(history, `an answer that is none: ${told[0]?.text}`);
    else if (heard.some((other) => String(other) !== String(ids))) blame(history, `one key, two answers: ${JSON.stringify(heard)}`);
    creation.outcome = ids ? 'ok' : 'info';
    creation.ids = ids ?? [];
    if (batch === null && ids) creation.answer = JSON.parse(told[0]?.text ?? '') as Inspection;
    return creation;
  }

  async function measure(station: Station, inspection: string, fails: boolean): Promise<void> {
    const value = fails ? 1.5 : 0.9 + randomInt(200) / 1000;
    const measuring: Measuring = {
      inspection,
      key: randomUUID(),
      values: [
        { characteristic: 'net_resistance', value, unit: 'ohm', lsl: 0.8, usl: 1.2 },
        { characteristic: 'supply_current', value: 45 + randomInt(100) / 10, unit: 'mA', lsl: 40, usl: 60 },
      ],
      verdict: fails ? 'fail' : 'pass',
      outcome: 'open',
    };
    history.measurings.push(measuring);
    const text = JSON.stringify(measuring.values);
    const answer = await insist(measuring, () => once(`/v1/inspections/${inspection}/measurements`, station, text, measuring.key));
    if (answer) measuring.outcome = 'ok';
  }

  async function loop(kind: Kind, index: number, nth: number): Promise<void> {
    const station = stations[index % stations.length] as Station;
    const lot = `LOT-${2000 + round}-${String(index).padStart(3, '0')}`;
    for (let n = 0; !ending; n += 1) {
      const item = (at: number): SentItem => {
        const type = kind === 'measured' ? 'electrical' : TYPES[(n + at) % TYPES.length];
        return {
          lot_id: lot,
          chip_id: `CH-${round}-${index}-${n}-${at}`,
          inspection_type: type ?? 'visual',
          priority: type === 'thermal' ? 8 : 1 + ((n + at) % 10),
          station_metadata: { shift: n % 2 ? 'early' : 'late', text: 'ü "quoted" \\ 漢', n },
        };
      };
      if (kind === 'batch') {
        const items = Array.from({ length: BATCH }, (_, at) => item(at));
        await create(station, (n + nth) % 4 === 0 ? null : randomUUID(), items, n % 2 ? 'array' : 'lines');
      } else {
        const made = await create(station, kind === 'plain' ? null : randomUUID(), [item(0)], null, kind === 'twins');
        if (kind === 'measured' && made.outcome === 'ok') await measure(station, made.ids[0] ?? '', n % FAIL_EVERY === 5);
      }
      await sleep(randomInt(restMs + 1));
    }
  }

  const counts = { ...LOOPS, ...options.loops };
  const kinds = (Object.keys(counts) as Kind[]).flatMap((kind) => Array.from({ length: counts[kind] }, (_, nth) => ({ kind, nth })));
  const loops = kinds.map(({ kind, nth }, index) => loop(kind, index, nth));
  return {
    underWay: () => underWay,
    async end(patienceMs = 60_000) {
      ending = true;
      givenUpAt = Date.now() + patienceMs;
      await Promise.all(loops);
      asker.close();
    },
    async repeat(before, count) {
      const earlier = history.creations.slice(0, before);
      const again = earlier.filter(({ key, outcome, answer }) => key !== null && outcome === 'ok' && answer !== null).slice(-count);
      for (const creation of again) {
        const station = stations.find(({ id }) => id === creation.station) as Station;
        const text = JSON.stringify(creation.items[0]);
        const answer = await insist({ key: creation.key, outcome: '' }, () => once('/v1/inspections', station, text, creation.key));
        if (answer && answer.text !== JSON.stringify(creation.answer))
          blame(history, `${creation.ids[0]} sent again was answered otherwise: ${answer.text}`);
      }
    },
  };
}
