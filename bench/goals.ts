import type { CreateResult } from './create.ts';
import { rounded } from './stats.ts';

interface Goal {
  /** The side whose processor time a request is divided by ours. */
  side: string;
  what: string;
  must?: number;
  aim?: number;
}

/** Ratios of server CPU a request with equal duties, the other's over ours: higher is better. */
export const GOALS: Readonly<Record<string, Goal>> = {
  create_vs_control: { side: 'control', what: 'the same application and route without a database', must: 1 / 1.3, aim: 1 / 1.1 },
  create_vs_fastapi_adr: { side: 'fastapi_adr', what: 'FastAPI in the form of the ADR', must: 30, aim: 40 },
  create_vs_fastapi_usual: { side: 'fastapi_usual', what: 'FastAPI as most good teams write it', must: 9, aim: 12 },
  create_vs_fastapi_expert: { side: 'fastapi_expert', what: 'FastAPI tuned by an expert', must: 5.5, aim: 7 },
  create_vs_asyncpg: {
    side: 'asyncpg',
    what: 'raw asyncpg on a Starlette route: the bound of Python with a commit each',
    must: 1.6,
    aim: 2.3,
  },
  create_vs_python_group_commit: { side: 'python_group_commit', what: 'our group commit in Python: the same algorithm, another language' },
  create_vs_fastify_bare: { side: 'fastify_bare', what: 'a bare Fastify with the same shape, without any duty' },
  create_vs_http: { side: 'node_http', what: 'bare Node http: parse and answer' },
};

export function ratiosOf(result: CreateResult): Record<string, number> {
  return Object.fromEntries(
    Object.entries(GOALS).flatMap(([name, { side }]) => {
      const ratio = result.overOurs[side];
      return ratio === undefined ? [] : [[name, rounded(ratio)]];
    }),
  );
}

/** The table of ratios beside what they must be and aim at. */
export function goalLines(ratios: Readonly<Record<string, number>>): string[] {
  const figure = (value: number | undefined) => (value === undefined ? '-' : String(rounded(value)));
  return [
    '| ratio | measured | must | aim | against |',
    '|---|---|---|---|---|',
    ...Object.entries(GOALS).map(([name, { what, must, aim }]) => {
      const ratio = ratios[name];
      const verdict = ratio === undefined ? 'left out' : must === undefined ? '' : ratio >= must ? ' (met)' : ' (missed)';
      return `| ${name} | ${ratio === undefined ? verdict : ratio + verdict} | ${figure(must)} | ${figure(aim)} | ${what} |`;
    }),
  ];
}
