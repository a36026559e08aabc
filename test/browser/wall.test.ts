import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CHROMIUM, hasChromium } from './browser.ts';
import { openSitting, type Sitting } from './session.ts';
import { seedWaiting } from './waiting.ts';

if (!hasChromium()) {
  if (process.env.CI === 'true') throw new Error(`no ${CHROMIUM}: what the wall claims cannot be tested (apt-get install chromium)`);
  console.log(`left out: what the wall claims in a browser, because there is no ${CHROMIUM} (apt-get install chromium)`);
}

describe('the wall says that nothing needs a person only when it knows', { skip: !hasChromium(), timeout: 180_000 }, () => {
  let sitting: Sitting;
  before(async () => {
    sitting = await openSitting({}, undefined, 'manufacturing_operator');
  });
  after(async () => {
    await sitting?.end();
  });
  const headline = () => sitting.page.locator('.headline');

  test('on a calm line it does', async () => {
    await sitting.open('/');
    await headline().filter({ hasText: 'Nothing needs a person' }).waitFor();
  });

  test('where held lots cannot be read it says so instead, and what was read once stays', async () => {
    const { page } = sitting;
    await page.route('**/v1/lots?state=held*', (route) => route.fulfill({ status: 404, json: {} }));
    await sitting.open('/');
    await page.getByRole('status').filter({ hasText: 'Cannot be read now: held lots' }).waitFor();
    assert.equal(await headline().innerText(), 'It is not known yet whether anything needs a person');
    assert.equal(await page.getByText('Nothing waits.').count(), 0);
    await page.unroute('**/v1/lots?state=held*');
    await page.getByRole('button', { name: 'Try again' }).click();
    await headline().filter({ hasText: 'Nothing needs a person' }).waitFor();
    await page.route('**/v1/lots?state=held*', (route) => route.fulfill({ status: 404, json: {} }));
    // The wall reads again when it is come back to, once what it holds is some seconds old.
    await sitting.until('a read to fail', async () => {
      await page.getByRole('link', { name: 'Lots', exact: true }).click();
      await page.waitForURL((url) => url.pathname === '/lots');
      await page.getByRole('link', { name: 'Wall', exact: true }).click();
      await headline().waitFor();
      return (await page.getByRole('status').filter({ hasText: 'Cannot be read now: held lots' }).count()) === 1;
    });
    assert.equal(await headline().innerText(), 'Nothing needs a person');
    await page.unroute('**/v1/lots?state=held*');
    sitting.faults.length = 0;
  });

  test('a board that waits since before the hour that is shown is counted for those who do not review too', async () => {
    const { page } = sitting;
    await seedWaiting(sitting.station, [{ kind: 'hand', say: 'pass' }]);
    await page.route('**/v1/inspections?from=*', (route) => route.fulfill({ json: { data: [], has_more: false, next_cursor: null } }));
    // What the wall asks for of the time before its hour: here as if the board had been posted then.
    const before = '**/v1/inspections?status=awaiting_review&to=*';
    await page.route(before, (route) =>
      route.continue({
        url: route
          .request()
          .url()
          .replace(/&to=[^&]*/, ''),
      }),
    );
    await sitting.open('/');
    await headline().filter({ hasText: '1 inspection waits for a person' }).waitFor();
    await page.locator('.tile-person dd.tone-person', { hasText: '1' }).waitFor();
    await page.unroute(before);
    await headline().getByRole('link').click();
    await page.waitForURL((url) => url.pathname === '/inspections' && url.searchParams.get('status') === 'awaiting_review');
    await page.locator('.inspections-table tbody tr').first().waitFor();
    await page.unroute('**/v1/inspections?from=*');
  });

  test('a failed measurement stands among the newest fails, without a picture', async () => {
    const { page, station } = sitting;
    const { id } = await station.send<{ id: string }>('POST', '/v1/inspections', {
      lot_id: 'LOT-2026-730',
      chip_id: 'ICT-730-1',
      inspection_type: 'electrical',
    });
    await station.send('POST', `/v1/inspections/${id}/measurements`, [
      { characteristic: 'net_resistance', value: 9, unit: 'ohm', lsl: 0, usl: 1 },
    ]);
    await sitting.open('/');
    const fail = page.locator('.fails li', { hasText: 'ICT-730-1' });
    await fail.filter({ hasText: 'Electrical' }).filter({ hasText: '1 out of limits' }).waitFor();
  });

  test('on a screen whose clock is two hours ahead the hour is that of the platform', async () => {
    const { page } = sitting;
    await page.addInitScript(() => {
      const right = Date.now;
      Date.now = () => right() + 7_200_000;
    });
    await sitting.open('/');
    await page.locator('.tile-person dd.tone-person', { hasText: '1' }).waitFor();
    await page.locator('.tile:not(.stale) .tile-figures', { hasText: '2 / h' }).waitFor();
    assert.match(await headline().innerText(), /oldest (now|\d+ s ago)/);
    // Drawn a moment after the tiles.
    await page.locator('.strip header', { hasText: '1 waiting' }).waitFor();
  });

  test('no page threw', () => {
    assert.deepEqual(sitting.faults, []);
  });
});
