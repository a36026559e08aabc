import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabase } from '../support/database.ts';
import { startServices } from '../support/services.ts';
import { CHROMIUM, hasChromium, isFault, launch, type Person, signIn } from './browser.ts';

if (!hasChromium())
  console.log(`left out: the dashboard before services apart, because there is no ${CHROMIUM} (apt-get install chromium)`);

test('the dashboard of a gateway shows what the services beside it hold', { skip: !hasChromium(), timeout: 290_000 }, async (t) => {
  const { url: database } = await testDatabase(t);
  const { at } = await startServices(t, database);
  const { gateway } = at;
  const station = gateway.station('ICT-HH-1');
  const chip = { lot_id: 'LOT-2026-009', chip_id: 'APART-1', inspection_type: 'electrical' };
  const { id } = await station.send<{ id: string }>('POST', '/v1/inspections', chip);
  const browser = await launch();
  t.after(() => browser.close());
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en', reducedMotion: 'reduce' });
  const person = gateway.credentials.users.find((user) => user.roles.includes('system_admin')) as Person;
  const page = await signIn(context, gateway.url, person);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => isFault(message) && faults.push(message.text()));
  for (const path of ['/inspections', `/inspections/${id}`]) {
    await page.goto(gateway.url + path);
    await page.getByText('APART-1').first().waitFor({ timeout: 60_000 });
  }
  await page.goto(`${gateway.url}/models`);
  await page.getByText('pcb-pair-synth').first().waitFor({ timeout: 60_000 });
  assert.deepEqual(faults, []);
});
