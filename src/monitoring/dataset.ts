import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyReply } from 'fastify';
import type { Reads } from '../platform/db/database.ts';
import { ProblemError } from '../platform/problem.ts';
import { type DatasetAsked, MOST_LINES, readLines } from './dataset-lines.ts';
import type { MonitoringTables } from './tables.ts';

/** Files that may be made or sent at once by this process. */
const AT_ONCE = 2;

export interface Exports {
  /** @throws ProblemError overloaded, deadline_exceeded */
  send(reply: FastifyReply, asked: DatasetAsked): Promise<FastifyReply>;
}

/** Aborts when the answer is over, sent or not. */
function overOf(reply: FastifyReply): AbortSignal {
  const over = new AbortController();
  if (reply.raw.destroyed) over.abort();
  else reply.raw.once('close', () => over.abort());
  return over.signal;
}

/**
 * What people decided, a line an inspection, as NDJSON. The lines are first written to a file, because the manifest that goes before them names their
 * hash: whoever trains with them can say with what. The file is gone when it is sent, or when its reader left. Work for a reader that left, or was told
 * that it took too long, ends with the statement that is running.
 * @param makeMs in which the file must be written: less than the handler may take, whose own time-out answers and stops nothing
 */
export function openExports(on: Reads<MonitoringTables>, makeMs: number): Exports {
  let busy = 0;
  return {
    async send(reply, asked) {
      if (busy >= AT_ONCE) throw new ProblemError('overloaded', { retryAfter: 5 });
      busy += 1;
      let folder: string | undefined;
      const leave = async () => {
        busy -= 1;
        if (folder !== undefined) await rm(folder, { recursive: true, force: true });
      };
      const over = overOf(reply);
      const late = AbortSignal.timeout(makeMs);
      const signal = AbortSignal.any([over, late]);
      try {
        folder = await mkdtemp(join(tmpdir(), 'cqp-dataset-'));
        const file = join(folder, 'lines.ndjson');
        const hash = createHash('sha256');
        const counts = { inspections: 0, audits: 0, boxes: 0 };
        async function* lines() {
          for await (const line of readLines(on, asked, signal)) {
            const text = `${JSON.stringify(line)}\n`;
            hash.update(text);
            counts.inspections += 1;
            counts.audits += line.split === 'audit' ? 1 : 0;
            counts.boxes += line.boxes.length;
            yield text;
          }
        }
        await pipeline(Readable.from(lines()), createWriteStream(file, { mode: 0o600 }), { signal });
        over.throwIfAborted();
        const manifest = {
          manifest: 'review-dataset/1',
          fingerprint: `sha256:${hash.digest('hex')}`,
          of: 'the lines below, each with its line feed',
          model: asked.model,
          site: asked.site,
          from: asked.from?.toISOString() ?? null,
          to: asked.to?.toISOString() ?? null,
          ...counts,
          complete: counts.inspections < MOST_LINES,
          splits: { train: 'may be trained on', audit: 'never train on these: they are what escapes are measured by' },
        };
        async function* sent() {
          yield `${JSON.stringify(manifest)}\n`;
          yield* createReadStream(file);
        }
        const stream = Readable.from(sent(), { objectMode: false });
        stream.once('close', () => void leave());
        over.addEventListener('abort', () => stream.destroy(), { once: true });
        reply
          .type('application/x-ndjson; charset=utf-8')
          .header('content-disposition', 'attachment; filename="review-dataset.ndjson"')
          .header('etag', `"${manifest.fingerprint.slice(7)}"`);
        return reply.send(stream);
      } catch (error) {
        await leave();
        // Nobody is left to be told.
        if (over.aborted) return reply;
        if (late.aborted)
          throw new ProblemError('deadline_exceeded', { detail: `Not written within ${makeMs / 1000} s: ask for a shorter span` });
        throw error;
      }
    },
  };
}
