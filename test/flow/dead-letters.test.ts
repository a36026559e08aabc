import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { runningAddress } from '../../src/platform/db/embedded/embedded.ts';
import { uuidv7 } from '../../src/platform/id.ts';
import { runCommand, startPlatform } from '../support/platform.ts';

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 60_000; ; await pause(200)) {
    const found = await look();
    if (found !== undefined) return found;
    assert.ok(Date.now() < end, `waited for ${what}`);
  }
}

test('who runs the platform sees what was set aside, and hands it over again once, on record', { timeout: 150_000 }, async (t) => {
  const platform = await startPlatform(t);
  const environment = { CQP_DATA_DIR: platform.dataDir };
  const run = (...args: string[]) => runCommand(args, environment);
  assert.equal(await run('dead-letters'), '');
  const address = await runningAddress(platform.dataDir);
  assert.ok(address);
  const client = new pg.Client(address);
  await client.connect();
  const id = uuidv7();
  await client.query(
    `insert into platform.outbox (topic, partition, key, event_id, occurred_at, event, record)
     values ('inspection.lifecycle', 0, 'no lot', $1, now(), '{"event_id":"seven"}'::json, null)`,
    [id],
  );
  await client.end();
  const listed = await until('the event to be set aside', async () => {
    const lines = (await run('dead-letters', '--limit', '10')).trim().split('\n');
    return lines
      .map((line) => JSON.parse(line || '{}') as { event_id?: string; group: string; cause: string })
      .find((one) => one.event_id === id);
  });
  assert.match(listed.cause, /event_id is no UUID/);
  const health = await until('health to tell', async () => {
    const { parts } = (await (await fetch(`${platform.url}/health`)).json()) as {
      parts?: Record<string, { status: string; detail?: string }>;
    };
    return parts?.bus?.detail === undefined ? undefined : parts.bus;
  });
  assert.equal(health.status, 'ok');
  assert.match(health.detail ?? '', /set aside: the command dead-letters lists them/);
  assert.equal(await platform.stop(), 0);

  // Without a platform nobody takes it from the hand that gives it.
  const redriven = async () => {
    await run('redrive', '--id', id);
    return (await run('dead-letters')).trim();
  };
  assert.equal(await redriven(), '');
  assert.equal(await redriven(), '');
  const again = await startPlatform(t, { dataDir: platform.dataDir });
  await until('the event to be set aside again', async () => ((await run('dead-letters')).includes(id) ? id : undefined));
  const now = await runningAddress(again.dataDir);
  assert.ok(now);
  const reader = new pg.Client(now);
  await reader.connect();
  const { rows } = await reader.query(
    `select count(*)::int as entries, count(distinct old ->> 'group')::int as groups, min(actor_subject) as who
     from platform.audit where action = 'event.redriven' and object_id = $1`,
    [id],
  );
  await reader.end();
  assert.ok(rows[0].entries > 0);
  assert.deepEqual([rows[0].entries, rows[0].who], [rows[0].groups, 'command-line'], 'once a group, by whom');
  await assert.rejects(run('redrive', '--id', uuidv7()), /was set aside/);
  await assert.rejects(run('redrive'), /one of --id, --group and --all/);
});
