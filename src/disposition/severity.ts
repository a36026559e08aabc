import { type DefectClass, SEVERITIES, type Severity } from '../contracts/defects.ts';
import type { PolicyRules } from '../contracts/masterdata.ts';

/** 1 low .. 4 critical. */
export const rankOf = (severity: Severity): number => SEVERITIES.indexOf(severity) + 1;

/** A class that the policy does not know is taken as the worst. */
export const severityOf = (name: DefectClass, rules: PolicyRules): Severity => rules.severity[name] ?? 'critical';

/** Whether a defect of this severity fails the unit. */
export const fails = (severity: Severity, rules: PolicyRules): boolean => rankOf(severity) >= rankOf(rules.fail_from);

export function worstOf(severities: readonly Severity[]): Severity | null {
  return severities.reduce<Severity | null>((worst, one) => (worst === null || rankOf(one) > rankOf(worst) ? one : worst), null);
}
