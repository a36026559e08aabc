import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CHROMIUM, hasChromium } from './browser.ts';
import { openSitting, type Sitting } from './session.ts';

if (!hasChromium()) {
  if (process.env.CI === 'true') throw new Error(`no ${CHROMIUM}: lists cannot be tested (apt-get install chromium)`);
  console.log(`left out: lists in a browser, because there is no ${CHROMIUM} (apt-get install chromium)`);
}

const LOT = 'LOT-2026-777';

describe('lists and the find field', { skip: !hasChromium(), timeout: 180_000 }, () => {
  let sitting: Sitting;
  const post = (station: Sitting['station'], lot: string, count: number, from = 0) =>
    station.send(
      'POST',
      '/v1/inspections/batch',
      Array.from({ length: count }, (_, i) => ({ lot_id: lot, chip_id: `${lot}-${from + i}`, inspection_type: 'electrical' })),
    );
  const rows = () => sitting.page.locator('.inspections-table tbody tr[aria-rowindex]');
  const find = async (text: string) => {
    await sitting.page.keyboard.press('/');
    await sitting.page.getByLabel('Find a unit or lot').fill(text);
    await sitting.page.keyboard.press('Enter');
  };

  before(async () => {
    sitting = await openSitting({}, undefined, 'system_admin');
    const clients = sitting.platform.credentials.clients.filter(({ station_id }) => station_id);
    for (const site of new Set(clients.map((client) => client.site))) {
      const station = sitting.platform.station(clients.find((client) => client.site === site)?.station_id);
      await post(station, LOT, 2);
      await post(station, `LOT-2026-${site === clients[0]?.site ? '778' : '779'}`, 70);
    }
  });
  after(async () => {
    await sitting?.end();
  });

  const atHeading = (name: string) =>
    sitting.until('the heading to hold the focus', () =>
      sitting.page.evaluate((text) => document.activeElement?.tagName === 'H1' && document.activeElement.textContent === text, name),
    );

  test('a scanned lot that two sites have asks which is meant, and its lists and files are those of its site', async () => {
    const { page } = sitting;
    await sitting.open('/lots');
    await find(LOT);
    await page.getByRole('heading', { name: `Which lot ${LOT}?` }).waitFor();
    const sites = page.locator('.lot-sites a');
    assert.equal(await sites.count(), 2);
    await sites.first().click();
    await page.getByRole('heading', { name: LOT, exact: true }).waitFor();
    const site = new URL(page.url()).searchParams.get('site');
    assert.ok(site);
    await page.locator('.unit-map li').first().waitFor();
    assert.equal(await page.locator('.unit-map li').count(), 2);
    const file = page.waitForRequest((request) => request.headers().accept === 'text/csv');
    await page.getByRole('button', { name: 'Export CSV' }).click();
    assert.equal(new URL((await file).url()).searchParams.get('site'), site);
    await page.locator('.counts').getByRole('link', { name: '2', exact: true }).click();
    await page.locator('.chip', { hasText: `Site ${site}` }).waitFor();
    await rows().first().waitFor();
    assert.equal(await rows().count(), 2);
    sitting.faults.length = 0;
  });

  test('a lookup that fails says so beside what was typed, and a later scan overtakes an earlier one', async () => {
    const { page } = sitting;
    await sitting.open('/');
    await page.route('**/v1/lots/PCB-1', (route) => route.fulfill({ status: 500, body: '' }));
    await find('PCB-1');
    await page.locator('.find').getByText('Cannot look it up now').waitFor();
    await page.unroute('**/v1/lots/PCB-1');
    let answer: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await page.route('**/v1/lots/SLOW', async (route) => {
      await held;
      await route.fulfill({ status: 404, json: {} }).catch(() => undefined);
    });
    await find('SLOW');
    await find('QUICK');
    await page.waitForURL((url) => url.pathname === '/units/QUICK');
    await atHeading('QUICK');
    answer();
    await page.waitForTimeout(500);
    assert.equal(new URL(page.url()).pathname, '/units/QUICK');
    await page.unroute('**/v1/lots/SLOW');
    sitting.faults.length = 0;
  });

  test('a next page that fails is told once and asked for when a person says so; paper gets every row', async () => {
    const { page } = sitting;
    let asked = 0;
    await page.route('**/v1/inspections?*cursor=*', async (route) => {
      asked += 1;
      await route.fulfill({ status: 404, json: {} });
    });
    await sitting.open('/inspections');
    await rows().first().waitFor();
    await page.locator('.table-scroll').evaluate((element) => element.scrollTo({ top: element.scrollHeight }));
    const failed = page.getByRole('alert').filter({ hasText: 'The rest of the list did not come.' });
    await failed.waitFor();
    await page.waitForTimeout(1500);
    assert.equal(asked, 1);
    await page.unroute('**/v1/inspections?*cursor=*');
    await failed.getByRole('button', { name: 'Try again' }).click();
    await failed.waitFor({ state: 'detached' });
    await page.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
    // The notice goes when the page is asked for, which is before its rows are here.
    await sitting.until('every row on paper', async () => (await rows().count()) >= 100);
    const printed = await rows().count();
    await page.evaluate(() => window.dispatchEvent(new Event('afterprint')));
    await sitting.until('the rows on the screen alone', async () => (await rows().count()) < printed);
    sitting.faults.length = 0;
  });

  test('the selected lot stands in the address, and stays selected when the list moves', async () => {
    const { page } = sitting;
    await sitting.open('/lots');
    await page.locator('.lots-table tbody tr').first().waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    const selected = page.locator('.lots-table tr.selected');
    const lot = await selected.locator('.row-link').innerText();
    await page.waitForURL((url) => url.searchParams.get('at')?.endsWith(`/${lot}`) ?? false);
    const count = await page.locator('.lots-table tbody tr').count();
    await post(sitting.station, 'LOT-2026-790', 1);
    await page.reload();
    await sitting.until('the new lot', async () => (await page.locator('.lots-table tbody tr').count()) > count);
    assert.equal(await selected.locator('.row-link').innerText(), lot);
  });

  test('a release that is refused leads to what stands in its way, and after a hold a keyboard goes on at the lot', async () => {
    const { page, station } = sitting;
    const lot = 'LOT-2026-791';
    const failed = await station.send<{ id: string }>('POST', '/v1/inspections', {
      lot_id: lot,
      chip_id: `${lot}-0`,
      inspection_type: 'electrical',
    });
    await station.send('POST', `/v1/inspections/${failed.id}/measurements`, [
      { characteristic: 'net_resistance', value: 9, unit: 'ohm', lsl: 0, usl: 1 },
    ]);
    await sitting.open(`/lots/${lot}`);
    await page.locator('.counts .tone-wrong', { hasText: '1' }).waitFor();
    await page.getByRole('button', { name: 'Release', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Reason').fill('all looked at');
    await dialog.getByRole('button', { name: 'Release', exact: true }).click();
    await dialog.getByText('The lot cannot be released yet.').waitFor();
    await dialog.getByRole('link', { name: 'Fail: 1', exact: true }).click();
    await page.waitForURL((url) => url.pathname === '/inspections' && url.searchParams.get('verdict') === 'fail');
    await rows().first().waitFor();
    assert.equal(await rows().count(), 1);

    await page.goBack();
    await page.getByRole('button', { name: 'Hold', exact: true }).press('Enter');
    await dialog.getByLabel('Reason').fill('solder mask looks dull');
    await dialog.getByRole('button', { name: 'Hold', exact: true }).click();
    await page.locator('.page-head .state', { hasText: 'Held' }).waitFor();
    await atHeading(lot);
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Release');
    sitting.faults.length = 0;
  });

  test('the map of a lot and the history of a unit follow the line', async () => {
    const { page } = sitting;
    await sitting.open('/lots/LOT-2026-790');
    const units = page.locator('.unit-map li');
    await units.first().waitFor();
    await page.locator('.live-mark', { hasText: 'Live' }).waitFor();
    await post(sitting.station, 'LOT-2026-790', 2, 1);
    await sitting.until('three units', async () => (await units.count()) === 3);
    await sitting.open('/units/LOT-2026-790-0');
    const history = page.locator('main tbody tr');
    await history.first().waitFor();
    await page.locator('.live-mark', { hasText: 'Live' }).waitFor();
    await post(sitting.station, 'LOT-2026-790', 1);
    await sitting.until('the second attempt', async () => (await history.count()) === 2);
  });

  test('a next page of the history of a unit that fails is told', async () => {
    const { page } = sitting;
    const first = await sitting.api<object>('/v1/units/LOT-2026-790-0');
    await page.route('**/v1/units/LOT-2026-790-0*', (route) =>
      new URL(route.request().url()).searchParams.has('cursor')
        ? route.fulfill({ status: 404, json: {} })
        : route.fulfill({ json: { ...first, has_more: true, next_cursor: 'next' } }),
    );
    await sitting.open('/units/LOT-2026-790-0');
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.getByRole('alert').filter({ hasText: 'The rest of the list did not come.' }).waitFor();
    await page.unroute('**/v1/units/LOT-2026-790-0*');
    sitting.faults.length = 0;
  });

  test('each record names itself in the title of its window', async () => {
    const { page } = sitting;
    const [row] = (await sitting.api<{ data: { id: string; chip_id: string }[] }>('/v1/inspections?limit=1')).data;
    assert.ok(row);
    for (const [path, title] of [
      ['/lots/LOT-2026-790', 'LOT-2026-790 · Lots · Chip Quality'],
      ['/units/LOT-2026-790-0', 'LOT-2026-790-0 · Unit · Chip Quality'],
      [`/inspections/${row.id}`, `${row.chip_id} · Inspections · Chip Quality`],
      ['/inspections', 'Inspections · Chip Quality'],
      ['/models/pcb-pair-synth', 'pcb-pair-synth · Models · Chip Quality'],
    ] as const) {
      await sitting.open(path);
      await sitting.until(title, async () => (await page.title()) === title);
    }
    assert.match(await page.locator('.model-version header').first().innerText(), /since (\w+ \d+, )?\d\d:\d\d/);
  });

  test('what is new is counted at once, and read aloud every ten seconds at most', async () => {
    const { page } = sitting;
    await sitting.open('/inspections?lot_id=LOT-2026-792');
    await page.getByRole('heading', { name: 'No inspections' }).waitFor();
    await page.locator('.live-mark', { hasText: 'Live' }).waitFor();
    const aloud = page.locator('.list-page > [aria-live="polite"]');
    await post(sitting.station, 'LOT-2026-792', 1);
    await page.locator('.new-bar', { hasText: '1 new' }).waitFor();
    await sitting.until('it to be said', async () => (await aloud.innerText()) === '1 new');
    await post(sitting.station, 'LOT-2026-792', 2, 1);
    await page.locator('.new-bar', { hasText: '3 new' }).waitFor();
    assert.equal(await page.locator('[aria-live]', { hasText: 'new' }).count(), 1);
    assert.equal(await aloud.innerText(), '1 new');
    await sitting.until('the next', async () => (await aloud.innerText()) === '3 new', 15_000);
  });

  test('a value of a filter is gone on to by arrow keys, and is one step of the history', async () => {
    const { page } = sitting;
    await sitting.open('/inspections');
    await page.getByLabel('Filter by').selectOption('verdict');
    await page.getByLabel('Value').focus();
    for (const verdict of ['pass', 'fail', 'inconclusive']) {
      await page.keyboard.press('ArrowDown');
      await page.waitForURL((url) => url.searchParams.get('verdict') === verdict);
    }
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('aria-label')), 'Value');
    await page.goBack();
    await page.waitForURL((url) => url.pathname === '/inspections' && !url.search);
  });

  test('a state that no lot is in and an address of nothing are told with a way on', async () => {
    const { page } = sitting;
    await sitting.open('/lots?state=released');
    await page.getByRole('heading', { name: 'No lot is released' }).waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();
    await page.locator('.lots-table tbody tr').first().waitFor();
    const answer = await page.goto(`${sitting.platform.url}/nosuch`);
    assert.equal(answer?.status(), 404);
    await page.getByRole('heading', { name: 'No such page' }).waitFor();
    await page.getByRole('link', { name: 'Go to the wall' }).click();
    await page.waitForURL((url) => url.pathname === '/');
    sitting.faults.length = 0;
  });

  test('on a phone of 360 px and in German no page is wider than the screen, and the name of a unit keeps its end', async () => {
    const { page, station } = sitting;
    const lot = 'LOT-2026-793';
    const chip = 'PANEL-2026-11-27-HAMBURG-LINE-3-00000000012345-0007';
    const body = { lot_id: lot, chip_id: chip, inspection_type: 'visual' };
    const { id } = await station.send<{ id: string }>('POST', '/v1/inspections', body);
    await page.evaluate(() => localStorage.setItem('cqp.language', 'de'));
    await page.setViewportSize({ width: 360, height: 780 });
    for (const path of [
      '/',
      `/inspections?lot_id=${lot}`,
      `/inspections/${id}`,
      `/units/${chip}`,
      `/lots/${lot}`,
      '/lots',
      '/review',
      '/models',
    ]) {
      await sitting.open(path);
      await page.waitForTimeout(300);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${path}: ${wide} px wider than the screen`);
    }
    await sitting.open(`/inspections?lot_id=${lot}`);
    const name = page.locator('.inspections-table .row-link', { hasText: chip });
    await name.waitFor();
    const end = await name.evaluate((link) => {
      const walker = document.createTreeWalker(link, NodeFilter.SHOW_TEXT);
      const text = walker.nextNode() as Text;
      const range = document.createRange();
      range.setStart(text, text.length - 1);
      range.setEnd(text, text.length);
      let box: Element | null = text.parentElement;
      while (box && getComputedStyle(box).overflowX === 'visible') box = box.parentElement;
      return range.getBoundingClientRect().right - (box?.getBoundingClientRect().right ?? 0);
    });
    assert.ok(end <= 1, `the last letter is ${end} px out of sight`);
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.evaluate(() => localStorage.removeItem('cqp.language'));
  });

  test('a unit that nobody knows is told with what to do', async () => {
    const { page } = sitting;
    await sitting.open('/units/NOBODY-1');
    await page.getByRole('heading', { name: 'This unit is not known' }).waitFor();
    await page.getByText('Check the barcode').waitFor();
    sitting.faults.length = 0;
  });

  test('no page threw', () => {
    assert.deepEqual(sitting.faults, []);
  });
});
