import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import type { ToMember, ToPrimary } from './messages.ts';

const CHILD = `
import { createMetrics } from '${new URL('../telemetry/metrics.ts', import.meta.url)}';
import { joinGroup } from '${new URL('member.ts', import.meta.url)}';
const member = await joinGroup();
const scrape = member.shareFigures(createMetrics(), 300);
const tell = (facts) => member.serving(facts);
for (let round = 0; round < 2; round += 1) await scrape().then(({ text }) => tell(text), (error) => tell(error.code));
process.disconnect();
`;

test('a scrape that the primary does not answer is refused: a part of the figures would look like counters that fell', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', CHILD], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const told: unknown[] = [];
  let asked = 0;
  child.on('message', (message: ToPrimary) => {
    const answer = (to: ToMember) => child.send(to);
    if (message.kind === 'hello') answer({ kind: 'assigned', part: null });
    if (message.kind === 'serving') told.push(message.facts);
    // The first time the primary is away.
    if (message.kind === 'ask' && ++asked === 2) answer({ kind: 'all', id: message.id, figures: [] });
  });
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
  assert.equal(told[0], 'service_unavailable');
  assert.match(String(told[1]), /# TYPE /);
});
