import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { EVENT_PAYLOADS } from '../src/contracts/event-payloads.ts';
import { KNOWN_VERSIONS } from '../src/contracts/events.ts';
import { judgeSchemas, type Shape } from './events/compatible.ts';
import { writeOrCheck } from './generated.ts';

// A line a payload, so that a difference shows which event it is about.
const file = fileURLToPath(new URL('../src/contracts/event-schemas.ndjson', import.meta.url));
const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
const kept = Object.fromEntries(
  lines.map((line) => Object.values(JSON.parse(line) as { event: string; payload: Shape }) as [string, Shape]),
);
const { next, faults } = judgeSchemas(kept, EVENT_PAYLOADS, KNOWN_VERSIONS);
if (faults.length > 0) {
  console.error(faults.join('\n'));
  process.exitCode = 1;
} else {
  const text = Object.entries(next).map(([event, payload]) => `${JSON.stringify({ event, payload })}\n`);
  await writeOrCheck(file, text.join(''), 'tools/event-schemas.ts');
}
