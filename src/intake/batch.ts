import { isUtf8 } from 'node:buffer';
import { BATCH_LIMIT, type BatchResult, InspectionCreate } from '../contracts/inspections.ts';
import type { Caller } from '../contracts/permissions.ts';
import { PROBLEMS, type ProblemCode, type ProblemDetail } from '../contracts/problems.ts';
import { deeperThan, MAX_DEPTH, readJson } from '../platform/http/json.ts';
import { contractSchemas } from '../platform/http/schemas.ts';
import { bodyChecker } from '../platform/http/validation.ts';
import { invalid, ProblemError } from '../platform/problem.ts';
import { type Accepted, judgeCreate, type PlantFacts } from './rules.ts';

/** An item as it came: a value, or what is wrong with its text. */
type Item = { value: unknown } | { fault: ProblemError };

export interface JudgedBatch {
  /** In the order of the request, with their place in it. */
  good: { index: number; accepted: Accepted }[];
  bad: BatchResult[];
}

const tooMany = () => invalid('body', `A batch has at most ${BATCH_LIMIT} inspections`, 'maxItems');

/** @throws ProblemError malformed_json, json_too_deep, validation_error: about the batch as a whole */
export function itemsOfArray(bytes: Uint8Array): Item[] {
  if (!isUtf8(bytes)) throw new ProblemError('malformed_json', { detail: 'The body is not UTF-8' });
  if (deeperThan(bytes, MAX_DEPTH)) throw new ProblemError('json_too_deep');
  let list: unknown;
  try {
    list = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new ProblemError('malformed_json', { cause });
  }
  if (!Array.isArray(list)) throw invalid('body', 'A batch is an array of inspections', 'type');
  if (list.length > BATCH_LIMIT) throw tooMany();
  return list.map((value) => ({ value }));
}

/** One inspection a line; empty lines are no items. A line that cannot be read is the fault of that line alone. */
export function itemsOfLines(bytes: Uint8Array): Item[] {
  const items: Item[] = [];
  for (let start = 0; start < bytes.length; ) {
    const feed = bytes.indexOf(0x0a, start);
    const end = feed === -1 ? bytes.length : feed;
    const line = bytes.subarray(start, end);
    start = end + 1;
    if (line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d)) continue;
    if (items.length === BATCH_LIMIT) throw tooMany();
    try {
      items.push({ value: readJson(line, JSON.parse) });
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      items.push({ fault: error });
    }
  }
  return items;
}

function refusal(index: number, code: ProblemCode, details: readonly ProblemDetail[]): BatchResult {
  const { status, message } = PROBLEMS[code];
  return { index, status, error: { code, message, details: [...details] } };
}

/** Shape and rules of every item by itself: the same schema and the same rules as for one. */
export function batchJudge(): (items: readonly Item[], caller: Caller, plant: PlantFacts) => JudgedBatch {
  const check = bodyChecker(InspectionCreate, contractSchemas());
  return (items, caller, plant) => {
    const judged: JudgedBatch = { good: [], bad: [] };
    for (const [index, item] of items.entries()) {
      if ('fault' in item) {
        judged.bad.push(refusal(index, item.fault.code, item.fault.details));
        continue;
      }
      const faults = check(item.value);
      const outcome = faults.length > 0 ? faults : judgeCreate(item.value as InspectionCreate, caller, plant);
      if (Array.isArray(outcome)) judged.bad.push(refusal(index, 'validation_error', outcome));
      else judged.good.push({ index, accepted: outcome });
    }
    return judged;
  };
}
