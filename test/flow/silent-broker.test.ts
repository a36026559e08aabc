import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { openDeadLetters } from '../../src/platform/bus/kafka/dead-letters.ts';
import { kafkaNames } from '../../src/platform/bus/kafka/names.ts';
import type { OutboxEntry } from '../../src/platform/bus/outbox-reader.ts';
import { openConnection } from '../support/connection.ts';
import { openLink } from '../support/link.ts';
import { startPlatform } from '../support/platform.ts';

/** Where connections are taken and nothing is ever answered. */
async function openSilence(t: { after(fn: () => Promise<void>): void }): Promise<string> {
  const link = await openLink(0);
  link.swallow();
  t.after(() => link.close());
  return `127.0.0.1:${link.port}`;
}

test('SIGTERM while the broker takes connections and never answers: a good end, before the time for it is over', {
  timeout: 120_000,
}, async (t) => {
  const platform = await startPlatform(t, { environment: { KAFKA_BROKERS: await openSilence(t) } });
  // Something waits to be published: the relay is in the midst of it.
  const station = openConnection(platform.url, await platform.station('ICT-HH-1').token());
  const made = await station.ask('POST', '/v1/inspections', { lot_id: 'LOT-2026-001', chip_id: 'CHIP-1', inspection_type: 'electrical' });
  station.close();
  assert.equal(made.status, 201, made.body);
  for (const end = Date.now() + 30_000; !(await platform.log()).includes('the broker does not serve'); ) {
    assert.ok(Date.now() < end, 'nobody noticed that the broker is silent');
    await pause(100);
  }
  assert.equal(await platform.stop(), 0);
  assert.doesNotMatch(await platform.log(), /shutdown_timeout/);
});

test('dead letters that a silent broker does not take hold up no stop, however many they are', { timeout: 60_000 }, async (t) => {
  const stopping = new AbortController();
  let given = 0;
  const log = { info() {}, warn: () => void given++ };
  const names = kafkaNames('', ['quality.signals']);
  const letters = openDeadLetters({ brokers: [await openSilence(t)], clientId: 'test' }, names, log, stopping.signal);
  const entry = { topic: 'quality.signals', partition: 0, key: 'k', text: '{}', eventId: 'e' } as OutboxEntry;
  const writing = Promise.all(Array.from({ length: 12 }, () => letters.write('g', entry, 'refused', 5)));
  const began = performance.now();
  stopping.abort();
  await writing;
  await letters.close();
  assert.equal(given, 12, 'each is told of');
  assert.ok(performance.now() - began < 30_000, 'a wait for each would be a minute');
});
