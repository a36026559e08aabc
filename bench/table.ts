import type { CreateResult } from './create.ts';
import { WITHOUT_DUTIES } from './sides/peers.ts';
import { rounded } from './stats.ts';

/** One line a server, those with duties first. */
export function createLines({ rows, overOurs }: CreateResult): string[] {
  const names = Object.keys(rows);
  const ordered = [...names.filter((name) => !name.endsWith(WITHOUT_DUTIES)), ...names.filter((name) => name.endsWith(WITHOUT_DUTIES))];
  return [
    '| server | requests/s | P50 ms | P95 ms | P99 ms | server CPU us | least | PostgreSQL CPU us | memory MiB | use of its core | CPU over ours | noisy runs |',
    '|---|---|---|---|---|---|---|---|---|---|---|---|',
    ...ordered.map((name) => {
      const row = rows[name];
      if (row === undefined) return '';
      const cells = [
        row.requests_s.toFixed(0),
        ...[row.p50, row.p95, row.p99].map((millis) => millis.toFixed(1)),
        row.cpu_us.toFixed(0),
        row.cpu_us_least.toFixed(0),
        row.postgres_cpu_us.toFixed(0),
        row.memory_mib.toFixed(0),
        row.utilisation.toFixed(2),
        rounded(overOurs[name] ?? Number.NaN),
        `${row.noisy} of ${row.runs}`,
      ];
      return `| ${name.replaceAll('_', ' ')} | ${cells.join(' | ')} |`;
    }),
  ];
}

/** Of what the distance between two servers of the table consists; nothing where one was left out. */
export function explain({ rows }: CreateResult): string[] {
  const cpu = (name: string) => rows[name]?.cpu_us;
  const ratio = (of: string, by: string): string | undefined => {
    const above = cpu(of);
    const below = cpu(by);
    return above === undefined || below === undefined ? undefined : (above / below).toFixed(1);
  };
  const lines: [string | undefined, (value: string) => string][] = [
    [
      ratio('fastapi_adr', 'fastapi_expert'),
      (value) =>
        `layers (objects, sessions, middleware, transaction blocks, a token verified each time): ${value} (ADR's form over the expert's)`,
    ],
    [
      ratio('fastapi_expert', 'asyncpg'),
      (value) => `framework and SQL layer: ${value} (the expert's form over asyncpg on a Starlette route)`,
    ],
    [
      ratio('asyncpg', 'python_group_commit'),
      (value) => `group commit: ${value} (Python with a commit each over Python with our algorithm)`,
    ],
    [ratio('python_group_commit', 'ours'), (value) => `language and the rest: ${value} (our algorithm in Python over ours)`],
  ];
  const told = lines.flatMap(([value, text]) => (value === undefined ? [] : [`- ${text(value)}`]));
  if (told.length === 0) return [];
  return [
    'Most of the distance to a FastAPI service is group commit and layers that are not there, not the language. It is made of:',
    ...told,
    'Our record is the larger one: it has a number of attempts, a version, its site and station, six indexes, and an answer kept for a repeated key.',
  ];
}
