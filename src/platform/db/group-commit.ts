import type pg from 'pg';
import { ProblemError } from '../problem.ts';
import { isRetryable, isUnavailable } from './faults.ts';

/** What waits for the commit that holds it. `weight` is rows, `bytes` about what it adds to the statement. */
export interface Waiting<M> {
  member: M;
  weight: number;
  bytes: number;
}

export interface GroupLimits {
  /** Statements under way at once; while they are, the next group gathers. */
  inFlight: number;
  /**
   * Rows that must have gathered before a statement is sent beside another one: a row in a group of 32 costs half of one in a group of 8
   * (`bench/micro/group-write.ts`), and until then waiting for the commit that is under way makes the groups larger and nobody much later.
   */
  alongside: number;
  /** Longest wait behind a statement that is under way (milliseconds): one that hangs on a lock holds up nobody else for longer. */
  patienceMs: number;
  /** Members, rows and bytes of one commit. */
  members: number;
  rows: number;
  bytes: number;
  /** Members and bytes that may wait; beyond it a new one is told `overloaded`. */
  waiting: number;
  waitingBytes: number;
  /** Longest wait for a turn (milliseconds), then `overloaded`. */
  waitMs: number;
}
const GROUP_LIMITS: GroupLimits = {
  inFlight: 2,
  alongside: 128,
  patienceMs: 25,
  members: 512,
  rows: 2_000,
  bytes: 8 * 1024 * 1024,
  waiting: 20_000,
  waitingBytes: 64 * 1024 * 1024,
  waitMs: 20_000,
};

/** Commits a group on one connection: settles every member that it can tell of, answers with the rest. @throws when the whole group failed */
export type Commit<M> = (client: pg.PoolClient, members: readonly M[]) => Promise<void>;

export interface GroupCommitOptions<M> {
  pool: pg.Pool;
  commit: Commit<M>;
  /** Tells a member how it ended when it never came to a commit, or failed alone. */
  fail(member: M, error: unknown): void;
  /** Whether it was told already. */
  settled(member: M): boolean;
  limits?: Partial<GroupLimits>;
}

export interface GroupCommit<M> {
  /** Joins the group that is gathering. */
  add(waiting: Waiting<M>): void;
  readonly waiting: number;
}

interface Queued<M> extends Waiting<M> {
  since: number;
}

/** Of a group that lost against another one: deadlock or serialization. */
const RETRIES = 3;

const busy = (): ProblemError => new ProblemError('overloaded', { retryAfter: 2 });

/**
 * Requests that arrive together share one commit. A group gathers until the event loop has taken in what was there, or while a statement is under way
 * (a second goes out beside it as `alongside` and `patienceMs` say); so a lone request waits for nobody, and under load a commit is as large as what
 * arrived during the last one. A group that fails as a whole is committed again one by one, so that a bad member fails alone with its own error.
 */
export function openGroupCommit<M>(options: GroupCommitOptions<M>): GroupCommit<M> {
  const { pool, commit, fail, settled } = options;
  const limits = { ...GROUP_LIMITS, ...options.limits };
  let line: Queued<M>[] = [];
  let bytes = 0;
  let rowsWaiting = 0;
  let underWay = 0;
  let scheduled = false;
  let patience: NodeJS.Timeout | undefined;

  function take(): M[] {
    let rows = 0;
    let size = 0;
    let count = 0;
    const oldest = performance.now() - limits.waitMs;
    const taken: M[] = [];
    for (const { member, weight, bytes: own, since } of line) {
      if (taken.length > 0 && (taken.length >= limits.members || rows + weight > limits.rows || size + own > limits.bytes)) break;
      count += 1;
      bytes -= own;
      rowsWaiting -= weight;
      if (since < oldest) {
        fail(member, busy());
        continue;
      }
      taken.push(member);
      rows += weight;
      size += own;
    }
    line = count === line.length ? [] : line.slice(count);
    return taken;
  }

  async function oneByOne(members: readonly M[]): Promise<void> {
    for (const [index, member] of members.entries()) {
      try {
        await onConnection([member]);
      } catch (error) {
        fail(member, error);
        if (!isUnavailable(error)) continue;
        for (const rest of members.slice(index + 1)) fail(rest, error);
        return;
      }
    }
  }

  async function onConnection(members: readonly M[]): Promise<void> {
    const client = await pool.connect();
    let lost = false;
    const lose = () => {
      lost = true;
    };
    client.once('error', lose);
    try {
      for (let tries = 1; ; tries += 1) {
        try {
          return await commit(client, members);
        } catch (error) {
          if (!isRetryable(error) || tries > RETRIES) throw error;
        }
      }
    } finally {
      client.removeListener('error', lose);
      client.release(lost);
    }
  }

  async function run(members: readonly M[]): Promise<void> {
    try {
      await onConnection(members);
    } catch (error) {
      // Whether an absent database has committed before it left nobody can tell: trying again could write twice.
      const open = members.filter((member) => !settled(member));
      if (members.length === 1 || isUnavailable(error)) for (const member of open) fail(member, error);
      else await oneByOne(open);
    }
  }

  function flush(): void {
    scheduled = false;
    while (mayStart()) {
      const members = take();
      if (members.length === 0) continue;
      underWay += 1;
      void run(members).finally(() => {
        underWay -= 1;
        schedule();
      });
    }
  }

  function mayStart(): boolean {
    const [oldest] = line;
    if (oldest === undefined || underWay >= limits.inFlight) return false;
    return underWay === 0 || rowsWaiting >= limits.alongside || performance.now() - oldest.since >= limits.patienceMs;
  }

  function schedule(): void {
    if (scheduled) return;
    if (mayStart()) {
      scheduled = true;
      setImmediate(flush);
    } else if (patience === undefined && line.length > 0 && underWay < limits.inFlight) {
      patience = setTimeout(() => {
        patience = undefined;
        schedule();
      }, limits.patienceMs);
    }
  }

  return {
    add(waiting) {
      if (line.length >= limits.waiting || bytes + waiting.bytes > limits.waitingBytes) return fail(waiting.member, busy());
      bytes += waiting.bytes;
      rowsWaiting += waiting.weight;
      line.push({ ...waiting, since: performance.now() });
      schedule();
    },
    get waiting() {
      return line.length;
    },
  };
}
