import type { DefectClass, Severity } from '../contracts/defects.ts';
import type { Candidate } from '../contracts/inference.ts';
import type { PolicyRules } from '../contracts/masterdata.ts';
import { fails, rankOf, severityOf } from './severity.ts';

/** A quality policy as rules are judged by it: `label` goes into the reason of every verdict. */
export interface Policy {
  name: string;
  version: number;
  rules: PolicyRules;
}
export const labelOf = (policy: Policy): string => `${policy.name} ${policy.version}`;

export interface JudgedFinding extends Candidate {
  severity: Severity;
}

export type Judgement =
  | { kind: 'verdict'; verdict: 'pass' | 'fail'; reason: string; defects: JudgedFinding[] }
  | { kind: 'wait'; reason: 'uncertain'; detail: string; defects: JudgedFinding[] };

/** Scores have six digits: 0.5 - 0.4 is the band of 0.1, although it is 0.09999999999999998. */
const ROUNDING = 1e-9;

/** In words, worst first: `2 open, 1 pin hole`. */
export function counted(defects: readonly { class: DefectClass; severity: Severity }[]): string {
  const counts = new Map<string, number>();
  const worstFirst = [...defects].sort((one, other) => rankOf(other.severity) - rankOf(one.severity));
  for (const { class: name } of worstFirst) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${count} ${name.replaceAll('_', ' ')}`).join(', ');
}

/**
 * What a model found -> pass, fail, or a person must look. A candidate at its class's threshold or above is a defect; one defect of the policy's
 * `fail_from` or worse fails the board. Without such a defect, a candidate below its threshold by less than `review_band` waits for a person, if it
 * would fail the board: it is proposed for review. A class without a threshold has none to hide under: all its candidates are defects.
 */
export function judgeFindings(candidates: readonly Candidate[], policy: Policy, thresholds: Readonly<Record<string, number>>): Judgement {
  const { rules } = policy;
  const found = candidates.map((candidate) => ({ ...candidate, severity: severityOf(candidate.class, rules) }));
  const below = ({ class: name, score }: Candidate) => (thresholds[name] ?? 0) - score;
  const defects = found.filter((one) => below(one) <= 0);
  if (defects.some(({ severity }) => fails(severity, rules)))
    return { kind: 'verdict', verdict: 'fail', reason: `${counted(defects)} over their thresholds; ${labelOf(policy)}`, defects };
  const near = found.filter((one) => below(one) > 0 && below(one) < rules.review_band - ROUNDING && fails(one.severity, rules));
  if (near.length > 0)
    return {
      kind: 'wait',
      reason: 'uncertain',
      detail: `${counted(near)} just below their thresholds; ${labelOf(policy)}`,
      defects: [...defects, ...near],
    };
  const reason = defects.length === 0 ? 'no defect over its threshold' : `only ${counted(defects)}, which do not fail a unit`;
  return { kind: 'verdict', verdict: 'pass', reason: `${reason}; ${labelOf(policy)}`, defects };
}
