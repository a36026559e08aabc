import { setTimeout as sleep } from 'node:timers/promises';
import type { RuntimeMeters } from '../../meters.ts';
import type { Log } from '../../threads/pool.ts';
import { type Breaker, failed, mayProbe, probe, probed, succeeded, trip, untried } from '../breaker.ts';
import { type Lanes, type LanesOptions, openLanes } from '../lanes.ts';
import type { Tensors } from '../runtime.ts';
import { type InferRequest, keyOf, type ModelRuntime, RunFailed, RuntimeAway } from '../runtime.ts';
import type { InferCall, TritonClient } from './client.ts';
import { EXAMINE_TIMES, type ExamineTimes, examine, type KnownModel, Refused } from './examine.ts';
import { type FaultKind, TritonFault } from './fault.ts';
import { openSuspects } from './suspects.ts';

export interface TritonOptions {
  client: TritonClient;
  models: readonly KnownModel[];
  lanes: LanesOptions;
  /** Longest time of one try in milliseconds. */
  timeoutMs: number;
  meters: RuntimeMeters;
  log: Log;
  times?: Partial<WatchTimes>;
}

export interface WatchTimes extends ExamineTimes {
  /** Pause between heartbeats while they are answered, and while they are not. */
  beatMs: number;
  missedBeatMs: number;
  /** Longest answer to a heartbeat. */
  liveMs: number;
  /** A model that answered nothing for so long is examined, whether somebody waits for it or not. */
  silentMs: number;
  /** One that answers is examined at this interval: somebody may have loaded other weights. */
  anewMs: number;
}
/** Five heartbeats without an answer take (450 + 100) * 5 = 2.75 s, those that are refused 1 s. */
const TIMES: WatchTimes = { ...EXAMINE_TIMES, beatMs: 500, missedBeatMs: 100, liveMs: 400, silentMs: 10_000, anewMs: 60_000 };
const RETRY_MS = { first: 100, most: 250 };
/** A server whose own queue is full is asked so often; then the run waits with us. */
const MOST_FULL = 5;

/** Faults after which it is not known whether the server still runs what it ran: it is examined before it is believed again. */
const DOUBTFUL: ReadonlySet<FaultKind> = new Set(['unreachable', 'stub', 'unloaded']);

interface Held {
  known: KnownModel;
  breaker: Breaker;
  /** To be examined before the next run. */
  doubt: boolean;
  examining: Promise<void> | null;
  goodAt: number;
  examinedAt: number;
  /** As the server last counted them. */
  runs: number;
  /** Why it is not run now. */
  reason: string;
  /** Ends what is in flight when the breaker opens. */
  cut: AbortController;
  /** Times until which the server may be at work on a run of ours, also on one that nobody waits for any more. */
  busy: Set<{ until: number }>;
  reloadedAt: number;
  /** For suspects: one at a time. */
  alone: Lanes;
}

export interface TritonRuntime extends ModelRuntime {
  /** In words when some model is not run on the server now. */
  trouble(): string | null;
}

const wordsOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

function orEnd<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => reject(new TritonFault('given_up', 'given up'));
    if (signal.aborted) return end();
    signal.addEventListener('abort', end, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', end));
  });
}

/**
 * Models on a Triton server, or on any that speaks the Open Inference Protocol with the repository extension. Every model version has a breaker of
 * its own; a run is sent while it is closed, again (with jitter, until it opens) when the server was not reached, and waits with us otherwise.
 * Running changes nothing at the server, so that sending again makes no second result; that a job ends once is its lease's affair.
 *
 * A run that fails although the server is there is the run's fault or the server's: known inputs with known outputs decide. Right answers: RunFailed.
 * Wrong or none: the breaker opens, RuntimeAway, and nothing is used that was not shown to be ours. A run with which the model process ends, again after
 * the right answers, is to blame as well: RunFailed.
 */
export function tritonRuntime({ client, models, lanes: room, timeoutMs, meters, log, times: given = {} }: TritonOptions): TritonRuntime {
  const times = { ...TIMES, ...given };
  const lanes = openLanes(room);
  const suspects = openSuspects();
  const now = () => performance.now();
  const closing = new AbortController();
  let server = '';
  const held = new Map(
    models.map((known): [string, Held] => [
      keyOf(known.model, known.version),
      {
        known,
        breaker: untried(now()),
        doubt: false,
        examining: null,
        goodAt: 0,
        examinedAt: 0,
        runs: 0,
        reason: 'not asked yet',
        cut: new AbortController(),
        busy: new Set(),
        reloadedAt: 0,
        alone: openLanes({ inFlight: 1, waiting: room.inFlight }),
      },
    ]),
  );
  for (const { known } of held.values()) meters.breaker(known, 'open');
  meters.lanes(() => lanes);

  function move(model: Held, breaker: Breaker, reason: string): void {
    const before = model.breaker.state;
    model.breaker = breaker;
    if (before === breaker.state) return;
    const { model: name, version } = model.known;
    meters.breaker(model.known, breaker.state);
    if (breaker.state === 'open') {
      if (before === 'closed' || reason !== model.reason)
        log.warn(
          { model: name, version, address: client.address, reason, wait_ms: breaker.waitMs },
          'inference server is not used: breaker open',
        );
      model.reason = reason;
      model.cut.abort();
    } else if (breaker.state === 'closed') {
      model.cut = new AbortController();
      log.info({ model: name, version, address: client.address, runtime: runtime.name }, 'inference server is used: breaker closed');
    }
  }

  /** One at a time a model; who comes meanwhile gets the same answer. */
  function examined(model: Held): Promise<void> {
    const { model: name, version } = model.known;
    const onReload = (why: string) => {
      model.reloadedAt = now();
      model.busy.clear();
      meters.reload(name);
      log.warn(
        { model: name, version, address: client.address, why },
        'model process is dead although the server says ready: loading it again',
      );
    };
    model.examining ??= (async () => {
      if (server === '' || model.doubt) {
        const { name: kind, version: number } = await client.server();
        server = `${kind} ${number}`;
      }
      await examine(client, model.known, onReload, times, () => {
        for (const run of model.busy) if (run.until <= now()) model.busy.delete(run);
        return Math.max(0, ...[...model.busy].map(({ until }) => until - now()));
      });
      model.doubt = false;
      model.runs = 0;
      model.goodAt = now();
      model.examinedAt = now();
    })().finally(() => {
      model.examining = null;
    });
    return model.examining;
  }

  /** What an examination that failed says: not reached is a failure like others, a wrong or dead model is one too many. */
  function misjudged(model: Held, error: unknown, source: string): void {
    const kind = error instanceof TritonFault ? error.kind : 'answer';
    meters.fault(kind);
    model.doubt = true;
    const counts = kind === 'unreachable' || (kind === 'late' && source === 'beat');
    const words = error instanceof Refused ? `not our model: ${error.message}` : wordsOf(error);
    move(model, counts ? failed(model.breaker, source, now()) : trip(model.breaker, now()), words);
  }

  async function tryToClose(model: Held): Promise<void> {
    move(model, probe(model.breaker, now()), model.reason);
    try {
      await examined(model);
      move(model, probed(model.breaker, true, now()), '');
    } catch (error) {
      if (error instanceof TritonFault) meters.fault(error.kind);
      move(model, probed(model.breaker, false, now()), error instanceof Refused ? `not our model: ${error.message}` : wordsOf(error));
    }
  }

  async function beat(): Promise<boolean> {
    let words = 'the server says that it is not alive';
    // When this process itself stood still, the answer may lie unread in the socket: it gets a turn of the event loop before it counts as missed.
    const patience = sleep(times.liveMs)
      .then(() => sleep(50))
      .then(() => {
        throw new TritonFault('late', `no heartbeat within ${times.liveMs} ms`);
      });
    const good = await Promise.race([client.live(2 * times.liveMs), patience]).catch((error: unknown) => {
      words = wordsOf(error);
      if (error instanceof TritonFault) meters.fault(error.kind);
      return false;
    });
    for (const model of held.values()) {
      if (good) model.breaker = succeeded(model.breaker, 'beat');
      else {
        model.doubt = true;
        move(model, failed(model.breaker, 'beat', now()), words);
      }
    }
    return good;
  }

  /** Fewer runs than before: somebody loaded the model anew, perhaps with other weights. */
  async function counted(model: Held): Promise<void> {
    const runs = (await client.runs(model.known, times.liveMs).catch(() => null)) ?? model.runs;
    if (runs < model.runs) model.doubt = true;
    model.runs = runs;
  }

  async function watch(): Promise<void> {
    while (!closing.signal.aborted) {
      const all = [...held.values()];
      const open = all.filter(({ breaker }) => breaker.state !== 'closed');
      const due = open.filter(({ breaker }) => mayProbe(breaker, now()));
      // Where nothing is let through nothing is lost with the old connections.
      if (due.length > 0 && open.length === all.length && all.every(({ breaker }) => breaker.state === 'open')) client.renew();
      for (const model of due) void tryToClose(model);
      const used = all.filter(({ breaker, examining }) => breaker.state === 'closed' && examining === null);
      // Together: one after the other a link that begins to swallow would be noticed later.
      const [good] = await Promise.all([open.length === all.length || beat(), ...used.map(counted)]);
      for (const model of good ? used : []) {
        const stale = now() - model.goodAt > times.silentMs || now() - model.examinedAt > times.anewMs;
        if ((stale || model.doubt) && model.breaker.state === 'closed' && model.examining === null)
          examined(model).catch((error: unknown) => misjudged(model, error, 'beat'));
      }
      await sleep(good ? Math.min(times.beatMs, open.length > 0 ? times.missedBeatMs : times.beatMs) : times.missedBeatMs, undefined, {
        signal: closing.signal,
      }).catch(() => undefined);
    }
  }

  /**
   * After a fault: resolves when the run may be sent again. `sentAt` is null for the fault of an examination, which is never the run's.
   * @throws RunFailed, RuntimeAway
   */
  async function afterFault(
    model: Held,
    fault: TritonFault,
    { name, tries, sentAt, signal }: { name: string; tries: number; sentAt: number | null; signal: AbortSignal },
  ): Promise<void> {
    const { kind } = fault;
    const toBlame = () => sentAt !== null && suspects.blame(name, kind);
    if (kind === 'given_up') throw new RuntimeAway(model.cut.signal.aborted ? model.reason : 'given up');
    meters.fault(kind);
    if (kind === 'input') throw new RunFailed(fault.message);
    if (kind === 'full') {
      if (tries >= MOST_FULL) throw new RuntimeAway(fault.message);
    } else if (DOUBTFUL.has(kind)) {
      model.doubt = true;
      if (kind !== 'unloaded' && toBlame()) throw new RunFailed(fault.message);
      move(model, failed(model.breaker, 'run', now()), fault.message);
    } else {
      try {
        await orEnd(examined(model), signal);
      } catch (error) {
        if (error instanceof TritonFault && error.kind === 'given_up') throw new RuntimeAway('given up');
        misjudged(model, error, 'run');
        throw new RuntimeAway(fault.message);
      }
      // Where the process had to be replaced meanwhile, another run may have stopped it.
      if (sentAt === null || model.reloadedAt < sentAt || toBlame()) throw new RunFailed(fault.message);
    }
    if (model.breaker.state !== 'closed') throw new RuntimeAway(model.reason);
    meters.retry(kind);
    const pause = Math.min(RETRY_MS.first * 2 ** tries, RETRY_MS.most);
    await sleep(pause * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
  }

  /** One try. `sent` is told when the run itself goes. */
  async function sendOnce(
    model: Held,
    call: Pick<InferCall, 'id' | 'tensors'> & { signal: AbortSignal },
    sent: () => void,
  ): Promise<Tensors> {
    const { model: name, version } = model.known;
    const { id, tensors, signal } = call;
    if (model.doubt) {
      await orEnd(
        examined(model).catch((error: unknown) => {
          misjudged(model, error, 'run');
          throw error instanceof TritonFault && error.kind === 'unreachable' ? error : new RuntimeAway(wordsOf(error));
        }),
        signal,
      );
    }
    sent();
    const work = { until: now() + timeoutMs };
    model.busy.add(work);
    try {
      const outputs = await client.infer({
        model: name,
        version,
        id,
        tensors,
        timeoutMs,
        signal,
      });
      model.busy.delete(work);
      return outputs;
    } catch (error) {
      // The server goes on with what nobody waits for.
      if (!(error instanceof TritonFault && (error.kind === 'late' || error.kind === 'given_up'))) model.busy.delete(work);
      throw error;
    }
  }

  async function send(model: Held, request: InferRequest): Promise<Tensors> {
    const id = request.id ?? crypto.randomUUID();
    const name = `${keyOf(request.model, request.version)} ${id}`;
    const signal = AbortSignal.any([model.cut.signal, closing.signal, ...(request.signal ? [request.signal] : [])]);
    for (let tries = 0; ; tries += 1) {
      if (model.breaker.state !== 'closed') throw new RuntimeAway(model.reason);
      let sentAt: number | null = null;
      const leave = suspects.has(name) ? await model.alone.enter({ signal }) : null;
      try {
        const outputs = await sendOnce(model, { id, tensors: request.tensors, signal }, () => (sentAt = now()));
        suspects.answered(name);
        if (model.doubt) {
          // The server was restarted or its model loaded anew while this ran: whose answer it is nobody knows.
          meters.retry('unloaded');
          continue;
        }
        model.breaker = succeeded(model.breaker, 'run');
        model.goodAt = now();
        request.answeredBy?.(runtime.name);
        return outputs;
      } catch (error) {
        if (!(error instanceof TritonFault)) throw error;
        await afterFault(model, error, { name, tries, sentAt, signal });
      } finally {
        leave?.();
      }
    }
  }

  const runtime: TritonRuntime = {
    get name() {
      return `${server || 'triton'} ${client.protocol}`;
    },
    models: () => models.map(({ model, version }) => ({ model, version })),
    ready: (model, version) => !closing.signal.aborted && held.get(keyOf(model, version))?.breaker.state === 'closed',
    trouble() {
      const away = [...held.values()].filter(({ breaker }) => breaker.state !== 'closed');
      if (away.length === 0) return null;
      return `${client.address}: ${away.map(({ known, reason }) => `${known.model} ${known.version} waits (${reason})`).join('; ')}`;
    },
    async infer(request) {
      const model = held.get(keyOf(request.model, request.version));
      if (closing.signal.aborted) throw new RuntimeAway('the runtime is closing');
      if (!model) throw new RuntimeAway(`${request.model} version ${request.version} is not held`);
      if (model.breaker.state !== 'closed') throw new RuntimeAway(model.reason);
      const leave = await lanes.enter(request);
      request.begun?.();
      try {
        return await send(model, request);
      } finally {
        leave();
      }
    },
    async close() {
      closing.abort();
      lanes.clear('the runtime is closing');
      await watching;
      await client.close();
    },
  };
  const watching = watch();
  return runtime;
}
