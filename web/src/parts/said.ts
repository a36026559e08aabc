import type { TFunction } from 'i18next';
import type { DefectClass } from '../../../src/contracts/defects.ts';
import { BOARD_CLASSES } from './board-classes.ts';

const CLASSES: Readonly<Record<string, DefectClass>> = Object.fromEntries(
  [...BOARD_CLASSES, 'out_of_limits' as const].map((name) => [name.replaceAll('_', ' '), name]),
);

/** `2 open, 1 pin hole` in the reader's words. */
const countedWords = (t: TFunction, text: string): string =>
  text.replace(/(\d+) ([a-z ]+)/g, (whole, count: string, name: string) => {
    const known = CLASSES[name];
    return known ? `${count} ${t(`defect.${known}`)}` : whole;
  });

/** What the platform writes of a verdict or a hold, before `; policy version`. A test holds it to what it does write. */
const SENTENCES = [
  ['over', /^(?<defects>\d.*) over their thresholds$/],
  ['none_over', /^no defect over its threshold$/],
  ['only', /^only (?<defects>\d.*), which do not fail a unit$/],
  ['some_confirmed', /^(?<n>\d+) of (?<of>\d+) defects confirmed in review$/],
  ['confirmed', /^(?<defects>\d.*) confirmed in review$/],
  ['all_rejected', /^all defects rejected in review$/],
  ['rejected_no_limits', /^all defects rejected in review, other values have no limits$/],
  ['out', /^(?<n>\d+) of (?<of>\d+) values out of limits: (?<names>.*)$/],
  ['within', /^(?<count>\d+) values within limits$/],
  ['out_passes', /^(?<count>\d+) values out of limits, which does not fail a unit$/],
  ['after_release', /^a fail after the release: (?<n>\d+) of (?<of>\d+) judged inspections failed$/],
  ['more_than', /^(?<n>\d+) of (?<of>\d+) judged inspections failed, more than (?<percent>\d+) %$/],
] as const;

/** What it writes of a defect that it marked or took back itself. */
const OF_DEFECTS = [
  ['missed_audit', /^missed, found by an audit$/],
  ['missed_disagreement', /^missed, found where two versions disagree$/],
  ['superseded', /^superseded by run (?<run>[0-9a-f-]{36})$/],
] as const;

/** A sentence that the platform made, in the reader's language; null for what a person wrote. */
export function saidWords(t: TFunction, text: string): string | null {
  for (const [key, pattern] of OF_DEFECTS) {
    const found = pattern.exec(text);
    if (found) return t(`said.${key}` as 'said.superseded', { run: (found.groups as Record<string, string> | undefined)?.run ?? '' });
  }
  const { said, policy } = /^(?<said>.*); (?<policy>.+ \d+)$/.exec(text)?.groups ?? {};
  if (said === undefined || policy === undefined) return null;
  for (const [key, pattern] of SENTENCES) {
    const found = pattern.exec(said);
    if (!found) continue;
    const { count, defects = '', ...values } = found.groups ?? {};
    return `${t(`said.${key}` as 'said.within', { ...values, count: Number(count), defects: countedWords(t, defects) })}; ${policy}`;
  }
  return null;
}
