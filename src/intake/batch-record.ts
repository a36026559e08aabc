import type { BatchResult } from '../contracts/inspections.ts';
import type { Caller } from '../contracts/permissions.ts';
import type { Reads } from '../platform/db/database.ts';
import type { Cause } from '../platform/db/door.ts';
import { ProblemError } from '../platform/problem.ts';
import { type Judged, refusal } from './batch.ts';
import { locationOf } from './create-routes.ts';
import type { Recorder } from './record-inspection.ts';
import { sequenceDetail, usedSequences } from './sequence.ts';
import type { IntakeTables } from './tables.ts';

/** Parallel requests can use up a station's numbers between the look and the record. */
const TRIES = 4;

export interface BatchRecord {
  cause: Cause;
  caller: Caller;
  judged: Judged;
}

function inOrder({ good, bad }: Judged, ids: readonly string[]): BatchResult[] {
  const made = good.map(({ index }, at) => ({ index, status: 201, id: ids[at] ?? '', location: locationOf(ids[at] ?? '') }));
  return bad.length === 0 ? made : [...made, ...bad].sort((one, other) => one.index - other.index);
}

/**
 * Stores what is good of a batch, or of a piece of one, in one commit, and answers a result an item in order. An inspection whose station number is
 * used fails alone: it is looked for only after the index has refused, because a batch that comes again with its key is replayed before that. One without
 * a good item is an answer too, and uses up its key.
 * @throws what the recorder throws, Replayed among it
 */
export async function recordBatch(
  { recorder, reads }: { recorder: Recorder; reads: Reads<IntakeTables> },
  { cause, caller, judged }: BatchRecord,
): Promise<BatchResult[]> {
  let left = judged;
  for (let tries = 1; left.good.length > 0; tries += 1) {
    const now = left;
    try {
      const made = await recorder.record({
        cause,
        caller,
        accepted: now.good.map(({ accepted }) => accepted),
        answerOf: (all) => ({
          status: 200,
          body: {
            results: inOrder(
              now,
              all.map(({ value }) => value.id),
            ),
          },
        }),
      });
      return inOrder(
        now,
        made.map(({ value }) => value.id),
      );
    } catch (error) {
      if (!(error instanceof ProblemError && error.code === 'sequence_used') || tries === TRIES) throw error;
      const used = await usedSequences(
        reads,
        now.good.map(({ accepted }) => accepted),
      );
      left = {
        good: now.good.filter((_one, at) => !used.has(at)),
        bad: [
          ...now.bad,
          ...now.good
            .filter((_one, at) => used.has(at))
            .map(({ index, accepted }) => refusal(index, new ProblemError('sequence_used', { details: [sequenceDetail(accepted)] }))),
        ],
      };
    }
  }
  const results = inOrder(left, []);
  await recorder.keep(cause, { status: 200, body: { results } });
  return results;
}
