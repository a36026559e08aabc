import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { InspectionType } from '../contracts/inspections.ts';
import type { Lot } from '../contracts/masterdata.ts';
import type { MeasurementCreate } from '../contracts/measurements.ts';
import { type Station as Outbox, openStation, type Posted } from '../station-client/index.ts';
import { inspectBoard } from './boards/board.ts';
import { encodePng } from './boards/png.ts';
import { Random } from './boards/random.ts';
import { type ClientCredentials, type Credentials, PlatformClient } from './client.ts';
import { LOT_SIZE, nextLot, planUnit, rateAt, SHARE_OF_VISUAL, type UnitPlan } from './plan.ts';
import { makeProducts, type Product, writeProducts } from './products.ts';

export interface FactoryOptions {
  readonly url: string;
  readonly credentials: Credentials;
  /** How many of the station clients work. */
  readonly stations: number;
  /** Visual boards a minute of the whole plant; `slow` after `fastMillis`. */
  readonly pace: { readonly fast: number; readonly slow: number; readonly fastMillis: number };
  /** 0 to 1. */
  readonly defectRate: number;
  readonly seed: number;
  /** Ground truth, one JSON object a visual board; nothing that goes over the wire holds it. `null`: not written. */
  readonly truthFile: string | null;
  /** Where the stations queue what the platform does not take now: a folder each. */
  readonly queueFolder: string;
  /** Visual boards after which the plant stops; `null`: when the signal says so. */
  readonly boards: number | null;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

interface Station {
  readonly id: string;
  readonly type: InspectionType;
  readonly outbox: Outbox;
  /** Dead letters that were told. */
  dead: number;
}

/** One site: its stations work on the lot at hand, which belongs to a product revision. */
interface Line {
  readonly site: string;
  readonly erp: PlatformClient;
  readonly stations: Station[];
  lot: { id: string; product: Product; units: number; size: number } | undefined;
}

const TYPE_OF_PREFIX: Record<string, InspectionType> = { AOI: 'visual', ICT: 'electrical', THM: 'thermal', DIM: 'dimensional' };
/** Bytes that a station may have waiting, and milliseconds between two looks at who has. */
const QUEUE_BYTES = 32 * 1024 * 1024;
const LOOK_EVERY = 30_000;
/** Milliseconds without an open plant after which it is told. */
const LATE = 5000;
/** Entries that wait at which it is told. */
const MANY_WAIT = 50;
/** Milliseconds that a plant which has made its boards waits for them to arrive. */
const DRAIN_MS = 120_000;
const DRAIN_LOOK = 500;
const OPERATORS = ['op-104', 'op-117', 'op-122', 'op-131'];

/**
 * A plant of stations that are ordinary clients of the public API, each with a queue of its own. Runs until its signal says stop; what the platform
 * does not take waits, and is sent in the next run when this one ends.
 */
export class Factory {
  readonly #options: FactoryOptions;
  readonly #lines: Line[] = [];
  readonly #run = Date.now().toString(36).toUpperCase();
  #products: Product[] = [];
  #lastLot: string | undefined;
  #serial = 0;
  readonly #measured = { electrical: 0, thermal: 0, dimensional: 0 };

  constructor(options: FactoryOptions) {
    this.#options = options;
  }

  #client(client: ClientCredentials): PlatformClient {
    const { url, credentials, signal } = this.#options;
    return new PlatformClient({ url, tokenEndpoint: credentials.token_endpoint, client, signal });
  }

  /** Takes station clients site by site and type by type, so that few stations still make a plant of all kinds. */
  async #openLines(): Promise<void> {
    const clients = this.#options.credentials.clients;
    const order = (client: ClientCredentials) => (client.station_id?.startsWith('AOI') ? 0 : 1);
    const stations = clients.filter((client) => client.station_id !== undefined).sort((one, other) => order(one) - order(other));
    for (const client of stations.slice(0, this.#options.stations)) {
      const id = client.station_id ?? '';
      let line = this.#lines.find((known) => known.site === client.site);
      if (!line) {
        const erp = clients.find((other) => other.site === client.site && other.station_id === undefined);
        if (!erp) throw new Error(`site ${client.site} has no client that may write master data`);
        line = { site: client.site, erp: this.#client(erp), stations: [], lot: undefined };
        this.#lines.push(line);
      }
      const outbox = await openStation({
        url: this.#options.url,
        credentials: {
          clientId: client.client_id,
          clientSecret: client.client_secret,
          tokenEndpoint: this.#options.credentials.token_endpoint,
        },
        stationId: id,
        folder: join(this.#options.queueFolder, client.client_id.replaceAll(/[^\w-]/g, '_')),
        maxBytes: QUEUE_BYTES,
      });
      line.stations.push({ id, type: TYPE_OF_PREFIX[id.slice(0, 3)] ?? 'visual', outbox, dead: outbox.status().dead });
    }
    if (this.#lines.length === 0) throw new Error('the credentials hold no station clients');
  }

  async #openPlant(): Promise<void> {
    await this.#openLines();
    this.#products = makeProducts(this.#options.seed);
    await writeProducts((this.#lines[0] as Line).erp, this.#products);
    const lots = await Promise.all(this.#lines.map((line) => line.erp.get<{ data: Lot[] }>('/v1/lots?limit=100')));
    this.#lastLot = lots
      .flatMap((page) => page.data.map((lot) => lot.lot_id))
      .filter((id) => /^LOT-\d{4}-\d{3}$/.test(id))
      .sort()
      .at(-1);
  }

  async #lotOf(line: Line, fast: boolean): Promise<NonNullable<Line['lot']>> {
    if (line.lot && line.lot.units < line.lot.size) return line.lot;
    const id = nextLot(this.#lastLot, new Date().getUTCFullYear());
    this.#lastLot = id;
    const product = this.#products[Number(id.slice(-3)) % this.#products.length] as Product;
    await line.erp.send('PUT', `/v1/lots/${id}`, { product: product.code, revision: product.revision });
    line.lot = { id, product, units: 0, size: fast ? LOT_SIZE.fast : LOT_SIZE.slow };
    return line.lot;
  }

  #post(station: Station, lot: string, chip: string): Promise<Posted> {
    const operator = OPERATORS[this.#serial % OPERATORS.length];
    return station.outbox.post({
      lot_id: lot,
      chip_id: chip,
      inspection_type: station.type,
      priority: station.type === 'thermal' ? 7 : 5,
      station_metadata: { station_id: station.id, operator, simulated: true },
    });
  }

  async #inspectBoard(station: Station, lot: NonNullable<Line['lot']>, chip: string, plan: UnitPlan): Promise<void> {
    const board = inspectBoard(lot.product.template, { seed: this.#options.seed * 65_537 + plan.serial, defects: plan.defects });
    if (this.#options.truthFile !== null) {
      const defects = board.defects.map(({ class: name, box }) => ({
        class: name,
        x: box.x1,
        y: box.y1,
        width: box.x2 - box.x1 + 1,
        height: box.y2 - box.y1 + 1,
      }));
      await appendFile(this.#options.truthFile, `${JSON.stringify({ lot_id: lot.id, chip_id: chip, defects })}\n`);
    }
    const { ref } = await this.#post(station, lot.id, chip);
    const picture = encodePng(board.picture);
    const sent = plan.cameraFault ? picture.subarray(0, Math.floor(picture.length * 0.6)) : picture;
    await station.outbox.attach(ref, sent, 'image', 'image/png');
  }

  async #measure(station: Station, lot: NonNullable<Line['lot']>, chip: string, plan: UnitPlan): Promise<void> {
    const random = new Random(this.#options.seed).fork(1_000_000 + plan.serial);
    const chosen = lot.product.characteristics.filter((one) => one.type === station.type);
    const measurements: MeasurementCreate[] = chosen.map((one, index) => {
      const limit = one.usl ?? one.lsl ?? one.target;
      const value =
        plan.outOfLimits && index === 0 ? limit + (limit - one.target) * random.range(0.05, 0.4) : one.target + one.sigma * random.normal();
      return { characteristic: one.characteristic, unit: one.unit, value: Number(value.toPrecision(6)) };
    });
    const { ref } = await this.#post(station, lot.id, chip);
    await station.outbox.measure(ref, measurements);
  }

  /** The next unit of a kind: sites take turns, and at a site the stations of that kind do. */
  async #work(type: InspectionType, fast: boolean): Promise<void> {
    const visual = type === 'visual';
    const serial = visual ? this.#serial++ : this.#measured[type]++;
    const lines = this.#lines.filter((line) => line.stations.some((station) => station.type === type));
    const line = lines[serial % lines.length];
    if (!line) return;
    const stations = line.stations.filter((station) => station.type === type);
    const station = stations[Math.floor(serial / lines.length) % stations.length] as Station;
    const lot = await this.#lotOf(line, fast);
    const unit = visual ? lot.units++ : Math.max(0, lot.units - 1);
    const plan = planUnit(this.#options.seed + (visual ? 0 : type.length), serial, this.#options.defectRate, visual);
    const chip = visual
      ? `PCB-${this.#run}-${String(serial).padStart(5, '0')}`
      : `PCB-${this.#run}-U${lot.id.slice(4)}-${String(unit).padStart(3, '0')}`;
    await (visual ? this.#inspectBoard(station, lot, chip, plan) : this.#measure(station, lot, chip, plan));
  }

  get #stations(): Station[] {
    return this.#lines.flatMap(({ stations }) => stations);
  }

  /** Stations whose words do not get through, and what was refused for good. */
  #look(): void {
    for (const station of this.#stations) {
      const { queued, dead, lastError } = station.outbox.status();
      if (queued >= MANY_WAIT) this.#options.say(`${station.id}: ${queued} wait to be sent: ${lastError?.message ?? 'on their way'}`);
      if (dead > station.dead) this.#options.say(`${station.id}: ${dead - station.dead} refused for good, see its dead.ndjson`);
      station.dead = dead;
    }
  }

  get #queued(): number {
    return this.#stations.reduce((sum, { outbox }) => sum + outbox.status().queued, 0);
  }

  /** Waits for what was made to arrive, for two minutes at most and not beyond the signal. */
  async #drain(): Promise<void> {
    const { signal, say } = this.#options;
    for (let waited = 0; this.#queued > 0 && !signal.aborted && waited < DRAIN_MS; waited += DRAIN_LOOK) {
      if (waited > 0 && waited % LATE === 0) say(`${this.#queued} wait to be sent`);
      await pause(DRAIN_LOOK, undefined, { signal }).catch(() => undefined);
    }
  }

  /** @returns how many entries were not sent */
  async run(): Promise<number> {
    const { signal } = this.#options;
    const looking = setInterval(() => this.#look(), LOOK_EVERY);
    const late = setTimeout(() => this.#options.say(`the plant waits for ${this.#options.url}`), LATE);
    try {
      await this.#openPlant().finally(() => clearTimeout(late));
      await this.#inspect();
    } finally {
      clearInterval(looking);
      await this.#drain();
      await Promise.all(this.#stations.map(({ outbox }) => outbox.close()));
      if (!signal.aborted) this.#look();
    }
    return this.#queued;
  }

  async #inspect(): Promise<void> {
    const { signal, pace, boards, say } = this.#options;
    say(
      `${this.#lines.reduce((sum, line) => sum + line.stations.length, 0)} stations at ${this.#lines.length} sites, ${pace.fast} boards a minute`,
    );
    const began = Date.now();
    const owed = { electrical: 0, thermal: 0, dimensional: 0 };
    let next = began;
    while (!signal.aborted && (boards === null || this.#serial < boards)) {
      const rate = rateAt(Date.now() - began, pace);
      const fast = rate >= 10;
      try {
        await this.#work('visual', fast);
        for (const type of Object.keys(owed) as (keyof typeof owed)[]) {
          owed[type] += SHARE_OF_VISUAL[type];
          if (owed[type] < 1) continue;
          owed[type] -= 1;
          await this.#work(type, fast);
        }
      } catch (error) {
        if (signal.aborted) return;
        say(`the plant waits: ${error instanceof Error ? error.message : String(error)}`);
        await pause(5000, undefined, { signal }).catch(() => undefined);
      }
      next = Math.max(next + 60_000 / rate, Date.now() - 5000);
      await pause(Math.max(0, next - Date.now()), undefined, { signal }).catch(() => undefined);
    }
  }
}
