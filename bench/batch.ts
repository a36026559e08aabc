import { cpus } from 'node:os';
import { countRows, Incorrect } from './exact-check.ts';
import { BATCH_ITEMS, type Form } from './load/request.ts';
import { type Run, runOnce } from './rounds.ts';
import type { BenchDatabase } from './sides/postgres.ts';
import type { Side } from './sides/side.ts';
import { median, mirrored, pairedRatios } from './stats.ts';

const FORMS = ['create', 'batch_json', 'batch_ndjson'] as const satisfies readonly Form[];
/** A batch holds a thousand: more at once would only wait. */
const CONNECTIONS: Record<Form, number> = { create: 64, batch_json: 4, batch_ndjson: 4 };

export interface BatchResult {
  /** Inspections a second and server CPU of one inspection (us), by form. */
  forms: Record<Form, { inspections_s: number; cpu_us: number }>;
  /** Inspections a second over those of single creates; `batch_vs_create` is the lower of the two forms. */
  ratios: { batch_json_vs_create: number; batch_ndjson_vs_create: number; batch_vs_create: number };
}

/** Single creates beside batches of 1,000, as a JSON array and as NDJSON, on the same cores. @throws Incorrect when rows are missing */
export async function measureBatch(ours: Side, database: BenchDatabase, size: { rounds: number; seconds: number }): Promise<BatchResult> {
  const runs: Record<Form, Run[]> = { create: [], batch_json: [], batch_ndjson: [] };
  for (let round = 0; round < size.rounds; round += 1)
    for (const form of mirrored(FORMS)) {
      const before = await countRows(ours, database);
      runs[form].push(
        await runOnce(ours, database, { form, connections: CONNECTIONS[form], seconds: size.seconds, warmup: 1, cores: cpus().length }),
      );
      if (form !== 'create') judgeBatch(before ?? [], (await countRows(ours, database)) ?? []);
    }
  const rates = (form: Form) => runs[form].map(({ requests_s }) => requests_s);
  const over = (form: Form) => median(pairedRatios(rates(form), rates('create')));
  const items = (form: Form) => (form === 'create' ? 1 : BATCH_ITEMS);
  const ratios = { batch_json_vs_create: over('batch_json'), batch_ndjson_vs_create: over('batch_ndjson') };
  return {
    forms: Object.fromEntries(
      FORMS.map((form) => [
        form,
        { inspections_s: median(rates(form)), cpu_us: median(runs[form].map(({ cpu_us }) => cpu_us)) / items(form) },
      ]),
    ) as BatchResult['forms'],
    ratios: { ...ratios, batch_vs_create: Math.min(ratios.batch_json_vs_create, ratios.batch_ndjson_vs_create) },
  };
}

/** A batch has a record, an event and an audit entry an item, and one key. */
function judgeBatch(before: readonly number[], after: readonly number[]): void {
  const [records = 0, events = 0, audits = 0, keys = 0] = after.map((count, index) => count - (before[index] ?? 0));
  if (records !== keys * BATCH_ITEMS || events !== records || audits !== records)
    throw new Incorrect(`ours: ${keys} batches wrote ${records} records, ${events} events, ${audits} audit entries`);
}

export function batchLines({ forms, ratios }: BatchResult): string[] {
  return [
    'Inspections by single creates and by batches of 1,000',
    '| form | inspections/s | server CPU us an inspection | inspections/s over single creates |',
    '|---|---|---|---|',
    ...Object.entries(forms).map(([form, { inspections_s, cpu_us }]) => {
      const ratio = form === 'create' ? 1 : ratios[`${form as 'batch_json' | 'batch_ndjson'}_vs_create`];
      return `| ${form.replace('_', ' ')} | ${inspections_s.toFixed(0)} | ${cpu_us.toFixed(0)} | ${ratio.toFixed(2)} |`;
    }),
  ];
}
