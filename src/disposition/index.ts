import type { Candidate } from '../contracts/inference.ts';
import type { PolicyRules } from '../contracts/masterdata.ts';
import type { Database } from '../platform/db/database.ts';
import type { Door } from '../platform/db/door.ts';
import type { Slice } from '../platform/slice.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import { dispositionConsumer } from './consumer.ts';
import type { ReviewSettings } from './looks.ts';
import { readRoutes } from './read-routes.ts';
import { decisionRoutes } from './routes.ts';
import { judgeFindings } from './rules.ts';

export interface DispositionDeps {
  db: Database;
  door: Door;
  metrics: Pick<Metrics, 'inspection'>;
  settings: ReviewSettings;
}

/** What a deciding run with these candidates would come to, by the rules that give verdicts: for whoever judges the past again. */
export function wouldJudge(
  candidates: readonly Candidate[],
  rules: PolicyRules,
  thresholds: Readonly<Record<string, number>>,
): 'pass' | 'fail' | 'review' {
  const judgement = judgeFindings(candidates, { name: 'again', version: 1, rules }, thresholds);
  return judgement.kind === 'wait' ? 'review' : judgement.verdict;
}

/** Findings become a verdict, or a person must look; a lot is held or released. */
export function disposition({ db, door, metrics, settings }: DispositionDeps): Slice {
  return {
    name: 'disposition',
    routes(app) {
      readRoutes(app, { db });
      decisionRoutes(app, { door, metrics, review: settings });
    },
    consumers: [dispositionConsumer({ door, metrics, review: settings })],
  };
}
