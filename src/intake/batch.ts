import { BATCH_LIMIT, type BatchResult, InspectionCreate } from '../contracts/inspections.ts';
import type { Caller } from '../contracts/permissions.ts';
import { isSuspect, parseJson, readJson, requireStorable, textOf } from '../platform/http/json.ts';
import { contractSchemas } from '../platform/http/schemas.ts';
import { bodyChecker } from '../platform/http/validation.ts';
import { invalid, ProblemError } from '../platform/problem.ts';
import { type Line, TOO_LONG } from './batch-lines.ts';
import { type Accepted, judgeCreate, type PlantFacts } from './rules.ts';

/** Items of a batch that were judged by themselves, with their place in it. */
export interface Judged {
  good: { index: number; accepted: Accepted }[];
  bad: BatchResult[];
}

export const tooMany = () => invalid('body', `A batch has at most ${BATCH_LIMIT} inspections`, 'maxItems');

/** @throws ProblemError malformed_json, json_too_deep, validation_error: about the batch as a whole */
function itemsOfArray(bytes: Uint8Array, text: string): unknown[] {
  const list = parseJson(bytes, text);
  if (!Array.isArray(list)) throw invalid('body', 'A batch is an array of inspections', 'type');
  if (list.length > BATCH_LIMIT) throw tooMany();
  return list;
}

/** What a single create would have answered. */
export function refusal(index: number, { code, status, details, message }: ProblemError): BatchResult {
  return { index, status, error: { code, message, details: [...details] } };
}

export interface BatchJudge {
  /** @throws ProblemError malformed_json, json_too_deep, validation_error: about the array as a whole */
  array(into: Judged, bytes: Uint8Array, caller: Caller, plant: PlantFacts): void;
  /** A line that cannot be read is a fault of that line alone. */
  line(into: Judged, index: number, line: Line, caller: Caller, plant: PlantFacts): void;
}

/** Shape and rules of every item by itself: the same schema and the same rules as for one. */
export function batchJudge(): BatchJudge {
  const check = bodyChecker(InspectionCreate, contractSchemas());
  function judge(into: Judged, index: number, read: () => unknown, caller: Caller, plant: PlantFacts): void {
    try {
      const item = read();
      const faults = check(item);
      const outcome = faults.length > 0 ? faults : judgeCreate(item as InspectionCreate, caller, plant);
      if (Array.isArray(outcome)) throw new ProblemError('validation_error', { details: outcome });
      into.good.push({ index, accepted: outcome });
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      into.bad.push(refusal(index, error));
    }
  }
  return {
    array(into, bytes, caller, plant) {
      const text = textOf(bytes);
      const suspect = isSuspect(text);
      for (const [index, item] of itemsOfArray(bytes, text).entries()) {
        const read = () => {
          if (suspect) requireStorable(item);
          return item;
        };
        judge(into, index, read, caller, plant);
      }
    },
    line(into, index, line, caller, plant) {
      const read = () => {
        if (line === TOO_LONG) throw new ProblemError('payload_too_large');
        return readJson(line);
      };
      judge(into, index, read, caller, plant);
    },
  };
}
