import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CHROMIUM, hasChromium } from './browser.ts';
import { axeFaults, openSitting, type Sitting } from './session.ts';

if (!hasChromium()) {
  if (process.env.CI === 'true') throw new Error(`no ${CHROMIUM}: the state of the platform cannot be tested (apt-get install chromium)`);
  console.log(`left out: the state of the platform in a browser, because there is no ${CHROMIUM} (apt-get install chromium)`);
}

describe('what the dashboard says of the platform itself', { skip: !hasChromium(), timeout: 180_000 }, () => {
  let sitting: Sitting;
  before(async () => {
    sitting = await openSitting({ STORAGE_MIN_FREE: '100' });
  });
  after(async () => {
    await sitting?.end();
  });

  test('a disk that is too full for uploads is told on every page, in words and with the figure', async () => {
    const { page } = sitting;
    for (const path of ['/', '/lots']) {
      await sitting.open(path);
      const band = page.locator('.health-band[role="status"] [data-part="storage"]');
      await band.waitFor();
      assert.match(await band.innerText(), /cannot store pictures and files.*\d % of the disk is free/);
    }
  });

  test('and in German', async () => {
    const { page } = sitting;
    await page.evaluate(() => localStorage.setItem('cqp.language', 'de'));
    await sitting.open('/');
    await page.locator('.health-band', { hasText: 'Stationen können keine Bilder und Dateien ablegen' }).waitFor();
    // What the platform says itself is English, and is marked so for those who hear the page.
    await page.locator('.health-band small[lang="en"]', { hasText: '% of the disk is free' }).waitFor();
    await page.evaluate(() => localStorage.setItem('cqp.language', 'en'));
  });

  test('a part that the page has no words for is named all the same, and goes when it is well again', async () => {
    const { page } = sitting;
    const answer = {
      status: 'degraded',
      phase: 'serving',
      version: '0',
      parts: { label_printer: { status: 'degraded', detail: 'no paper' } },
    };
    await page.route('**/health', (route) => route.fulfill({ status: 503, json: answer }));
    await sitting.open('/');
    await page.locator('[data-part="label_printer"]', { hasText: 'label_printer. (no paper)' }).waitFor();
    await page.unroute('**/health');
    await page.locator('[data-part="label_printer"]').waitFor({ state: 'detached', timeout: 60_000 });
    sitting.faults.length = 0;
  });

  test('a text of something else in the place of the platform takes no page away', async () => {
    const { page } = sitting;
    await page.route('**/health', (route) => route.fulfill({ status: 502, json: { message: 'bad gateway' } }));
    const asked = page.waitForResponse('**/health');
    await sitting.open('/');
    await asked;
    await page.waitForTimeout(500);
    assert.equal(await page.locator('main h1').count(), 1);
    await page.unroute('**/health');
    sitting.faults.length = 0;
  });

  test('axe finds nothing serious on it, and no page threw', async () => {
    const found = await axeFaults(sitting, ['/'], () => sitting.page.locator('.health-band').waitFor());
    assert.deepEqual(found, []);
    assert.deepEqual(sitting.faults, []);
  });
});
