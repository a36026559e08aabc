import cluster, { type Worker } from 'node:cluster';
import type { Log } from '../telemetry/log.ts';
import type { Figures } from '../telemetry/metrics.ts';
import { leftBehind } from './figures.ts';
import type { GroupState, ToMember, ToPrimary } from './messages.ts';
import { countRestarts, RESTARTS, type RestartOptions, type Restarts } from './restarts.ts';
import { countSilence, SILENCE, type Silence } from './silence.ts';

export interface GroupOptions {
  /** Processes that serve. */
  count: number;
  /** What the process of this number (from 0) is told when it asks. Structured as JSON. */
  part(index: number): unknown;
  /** Environment of the processes beside that of this one. */
  environment: Readonly<Record<string, string>>;
  /** Longest wait for a process to leave; then it is ended (milliseconds). */
  leaveMs: number;
  log: Pick<Log, 'info' | 'warn' | 'error'>;
  restarts?: RestartOptions;
  /** A process died as often as it was started: the program should end. */
  exhausted(words: string): void;
}

export interface Group {
  /** What each process said when it first served, by number. @throws Error with words when one left before */
  readonly serving: Promise<unknown[]>;
  /** Asks all to finish and leave. Answers whether all left with 0. Safe to call twice. */
  stop(): Promise<boolean>;
}

/** A process left at the start: it has told why itself. */
class GroupIncomplete extends Error {
  override readonly name = 'GroupIncomplete';
}

interface Seat {
  readonly index: number;
  readonly restarts: Restarts;
  worker: Worker | null;
  servingSince: number | null;
  silence: Silence;
  isQuiet: boolean;
  figures: Figures | null;
  timer: NodeJS.Timeout | undefined;
}

/** A scrape waits this long for the figures of a process, then takes the last ones it told. */
const FIGURES_MS = 800;

/**
 * The same program several times behind one port. This process starts one again that died and passes on what they tell each other; it answers no request.
 * Where they do not share the port by themselves it hands connections round in turn.
 */
export function startGroup(options: GroupOptions): Group {
  const { count, log } = options;
  cluster.schedulingPolicy = cluster.SCHED_RR;
  const seats: Seat[] = Array.from({ length: count }, (_, index) => ({
    index,
    restarts: countRestarts(options.restarts ?? RESTARTS),
    worker: null,
    servingSince: null,
    silence: countSilence(),
    isQuiet: false,
    figures: null,
    timer: undefined,
  }));
  const facts = new Map<number, unknown>();
  const first = Promise.withResolvers<unknown[]>();
  first.promise.catch(() => {});
  let departed: Promise<Figures> = Promise.resolve([]);
  let restarted = 0;
  let complete = false;
  let stopping: Promise<boolean> | undefined;
  let allGood = true;
  let gone: (() => void) | undefined;

  const send = (seat: Seat, message: ToMember) => {
    if (seat.worker?.isConnected()) seat.worker.send(message, () => {});
  };
  const state = (): GroupState => ({
    wanted: count,
    serving: seats.filter((seat) => seat.servingSince !== null && !seat.isQuiet).length,
    restarted,
  });
  const tellState = () => {
    for (const seat of seats) send(seat, { kind: 'group', state: state() });
  };

  function setQuiet(seat: Seat, isQuiet: boolean): void {
    if (seat.isQuiet === isQuiet) return;
    seat.isQuiet = isQuiet;
    tellState();
  }

  /** A process that is frozen or spins is not dead, yet its share of the connections waits for ever: it is ended, and started again as one that died. */
  function ask(seat: Seat): void {
    if (seat.servingSince === null) return;
    const hearing = seat.silence.ask();
    setQuiet(seat, hearing !== 'there');
    send(seat, { kind: 'there' });
    if (hearing !== 'lost') return;
    log.error({ process: seat.index, questions: SILENCE.most }, 'process_silent');
    seat.worker?.process.kill('SIGKILL');
  }
  const asking = setInterval(() => {
    for (const seat of seats) ask(seat);
  }, SILENCE.everyMs);

  const asked = new Map<number, { waiting: Set<Seat>; answer(): void }>();
  let serial = 0;

  function gather(asker: Seat, id: number): void {
    const own = ++serial;
    const others = seats.filter((seat) => seat !== asker && seat.servingSince !== null);
    const timer = setTimeout(() => answer(), FIGURES_MS);
    const answer = () => {
      clearTimeout(timer);
      if (!asked.delete(own)) return;
      const known = seats.flatMap((seat) => (seat === asker || seat.figures === null ? [] : [seat.figures]));
      void departed.then((before) => send(asker, { kind: 'all', id, figures: [...known, before] }));
    };
    asked.set(own, { waiting: new Set(others), answer });
    if (others.length === 0) answer();
    else for (const seat of others) send(seat, { kind: 'tell', id: own });
  }

  function heard(seat: Seat, message: ToPrimary): void {
    seat.silence.heard();
    setQuiet(seat, false);
    switch (message.kind) {
      case 'hello':
        send(seat, { kind: 'assigned', part: options.part(seat.index) });
        return;
      case 'serving':
        seat.servingSince = performance.now();
        facts.set(seat.index, message.facts);
        tellState();
        if (!complete && seats.every((one) => one.servingSince !== null)) {
          complete = true;
          first.resolve(seats.map(({ index }) => facts.get(index)));
        }
        return;
      case 'ask':
        gather(seat, message.id);
        return;
      case 'figures': {
        seat.figures = message.figures;
        const round = asked.get(message.id);
        if (round?.waiting.delete(seat) && round.waiting.size === 0) round.answer();
        return;
      }
      case 'taken':
        for (const other of seats) if (other !== seat) send(other, message);
    }
  }

  function left(seat: Seat, code: number | null, signal: string | null): void {
    const servedMs = seat.servingSince === null ? 0 : performance.now() - seat.servingSince;
    seat.worker = null;
    seat.servingSince = null;
    seat.silence.heard();
    seat.isQuiet = false;
    const last = seat.figures;
    seat.figures = null;
    if (last !== null) departed = departed.then((before) => leftBehind(before, last));
    for (const round of asked.values()) if (round.waiting.delete(seat) && round.waiting.size === 0) round.answer();
    if (stopping !== undefined) {
      if (code !== 0) allGood = false;
      if (seats.every((one) => one.worker === null)) gone?.();
      return;
    }
    const words = `process ${seat.index + 1} of ${count} left with ${signal ?? code}`;
    if (!complete) {
      first.reject(new GroupIncomplete(`${words} before it served`));
      return;
    }
    const wait = seat.restarts.died(servedMs);
    tellState();
    if (wait === null) {
      options.exhausted(`${words}, as often as it was started`);
      return;
    }
    log.warn({ process: seat.index, code, signal, served_ms: Math.round(servedMs), restart_ms: wait }, 'process_left');
    restarted += 1;
    seat.timer = setTimeout(() => start(seat), wait);
  }

  function start(seat: Seat): void {
    const worker = cluster.fork({ ...options.environment });
    seat.worker = worker;
    worker.on('message', (message: ToPrimary) => heard(seat, message));
    worker.on('error', (error) => log.warn({ err: error, process: seat.index }, 'process_fault'));
    worker.on('exit', (code, signal) => left(seat, code, signal));
  }

  for (const seat of seats) start(seat);

  async function stop(): Promise<boolean> {
    clearInterval(asking);
    for (const seat of seats) clearTimeout(seat.timer);
    const all = new Promise<void>((resolve) => {
      gone = resolve;
    });
    if (seats.every((seat) => seat.worker === null)) gone?.();
    for (const seat of seats) send(seat, { kind: 'leave' });
    const late = setTimeout(() => {
      for (const seat of seats) {
        if (seat.worker === null) continue;
        log.error({ process: seat.index }, 'process_ended');
        seat.worker.process.kill('SIGKILL');
      }
    }, options.leaveMs);
    await all;
    clearTimeout(late);
    return allGood;
  }

  return {
    serving: first.promise,
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}
