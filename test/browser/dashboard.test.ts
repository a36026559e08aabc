import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { drawBoard } from '../support/boards.ts';
import { type RunningPlatform, startPlatform } from '../support/platform.ts';
import { CHROMIUM, decideAndUndo, hasChromium, isFault, launch, type Person, signIn, signOut } from './browser.ts';

if (!hasChromium()) {
  if (process.env.CI === 'true') throw new Error(`no ${CHROMIUM}: the dashboard cannot be tested (apt-get install chromium)`);
  console.log(`left out: the dashboard in a browser, because there is no ${CHROMIUM} (apt-get install chromium)`);
}

describe('the dashboard in a browser', { skip: !hasChromium(), timeout: 290_000 }, () => {
  let platform: RunningPlatform;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  const faults: string[] = [];
  const ends: (() => Promise<void>)[] = [];

  before(async () => {
    platform = await startPlatform({ after: (end) => void ends.push(end) }, { demo: true, environment: { DB_CONNECT_TIMEOUT: '10s' } });
    browser = await launch();
    context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en', reducedMotion: 'reduce' });
    page = await signIn(context, platform.url, person('quality_manager'));
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => isFault(message) && faults.push(message.text()));
  });
  after(async () => {
    await browser?.close();
    for (const end of ends) await end();
  });

  function person(role: string, site?: string): Person {
    const found = platform.credentials.users.find((user) => user.roles.includes(role) && (!site || user.site === site));
    assert.ok(found);
    return found;
  }
  const open = (path: string) => page.goto(platform.url + path);
  const call = (path: string) =>
    page.evaluate(async (address) => {
      const key = Object.keys(sessionStorage).find((name) => name.startsWith('oidc.user:')) ?? '';
      const { access_token } = JSON.parse(sessionStorage.getItem(key) ?? '{}') as { access_token: string };
      return (await fetch(address, { headers: { authorization: `Bearer ${access_token}` } })).json();
    }, path) as Promise<{ data: { id: string; chip_id: string; lot_id: string; status: string; verdict: string | null }[] }>;

  async function until<T>(what: string, look: () => Promise<T | undefined | null | false>, ms = 60_000): Promise<T> {
    const end = Date.now() + ms;
    while (Date.now() < end) {
      const found = await look();
      if (found) return found;
      await page.waitForTimeout(250);
    }
    throw new Error(`waited ${ms} ms for ${what}`);
  }
  const oneFail = () =>
    until('a failed visual inspection', async () => (await call('/v1/inspections?verdict=fail&inspection_type=visual&limit=1')).data[0]);

  /** A waiting board of the manager's site, posted by one of its stations. */
  async function postUnreadable(chip: string): Promise<string> {
    const site = platform.credentials.users.find((user) => user.roles.includes('quality_manager'))?.site;
    const station = platform.credentials.clients.find((client) => client.site === site && client.station_id);
    assert.ok(station);
    const basic = Buffer.from(`${encodeURIComponent(station.client_id)}:${encodeURIComponent(station.client_secret)}`).toString('base64');
    const answer = await fetch(platform.credentials.token_endpoint, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}`, 'content-type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=client_credentials',
    });
    const { access_token } = (await answer.json()) as { access_token: string };
    const headers = { authorization: `Bearer ${access_token}` };
    const created = await fetch(`${platform.url}/v1/inspections`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ lot_id: 'LOT-2026-900', chip_id: chip, inspection_type: 'visual' }),
    });
    assert.equal(created.status, 201);
    const { id } = (await created.json()) as { id: string };
    // The picture breaks off in the middle: its header is good, so it is stored, but no model can look at it.
    const board = await drawBoard({ width: 640, height: 640 }, { gained: [{ x: 20, y: 300, width: 8, height: 8 }] });
    for (const [kind, body] of [
      ['reference', board],
      ['image', board.subarray(0, board.length / 2)],
    ] as const) {
      const stored = await fetch(`${platform.url}/v1/inspections/${id}/artifacts?kind=${kind}`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'image/png' },
        body: new Uint8Array(body),
      });
      assert.equal(stored.status, 201, await stored.text());
    }
    return id;
  }

  test('the wall fills by itself while boards are inspected', async () => {
    await page.locator('.tile').first().waitFor();
    await page.locator('.tile .thumbnail img').first().waitFor({ timeout: 60_000 });
    const posted = () => page.locator('.strip header .quiet').first().innerText();
    const at = await posted();
    await until('the strip to move', async () => (await posted()) !== at);
    await page.locator('.live-mark', { hasText: 'Live' }).waitFor();
  });

  test('a failed board shows its defects in frames that stand around them, and goes where a row is clicked', async () => {
    const fail = await oneFail();
    await open(`/inspections/${fail.id}`);
    await page.locator('.frame').first().waitFor();
    const rows = page.locator('table button.row-link');
    assert.equal(await page.locator('.frame').count(), await rows.count());
    const scale = async () => Number(await page.locator('.board-port').getAttribute('data-scale'));
    const whole = await scale();
    await rows.first().click();
    await until('the picture to go there', async () => (await scale()) > whole);
    assert.match(page.url(), /defect=/);
    assert.equal(await page.locator('.frame.selected').count(), 1);
    await page.keyboard.press('0');
    await page.keyboard.down('f');
    await page.locator('img[alt="Golden template"]').waitFor();
    await page.keyboard.up('f');
    await page.keyboard.press('d');
    await page.locator('canvas[aria-label="Difference"]').waitFor();
    assert.match(page.url(), /mode=difference/);
  });

  test('filters stand in the address, and back takes them away again', async () => {
    await open('/inspections');
    await page.locator('.inspections-table tbody tr').first().waitFor();
    await page.getByLabel('Filter by').selectOption('verdict');
    await page.getByLabel('Value').selectOption('fail');
    await page.waitForURL(/verdict=fail/);
    await page.locator('.chip').waitFor();
    await until('fails only', async () => {
      const states = await page.locator('.inspections-table tbody .state').allInnerTexts();
      return states.length > 0 && states.every((state) => state === 'Fail');
    });
    await page.goBack();
    await page.waitForURL((url) => !url.search);
    assert.equal(await page.locator('.chip').count(), 0);
  });

  test('a row of the list says its state as it is, without a look elsewhere', async () => {
    const chip = `LIST-${Date.now()}`;
    const site = person('quality_manager') as Person & { site: string };
    const station = platform.station(
      platform.credentials.clients.find((one) => one.site === site.site && one.station_id?.startsWith('ICT'))?.station_id,
    );
    const send = async (path: string, body: unknown) => {
      const answer = await fetch(platform.url + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${await station.token()}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      assert.equal(answer.status, 201);
      return (await answer.json()) as { id: string };
    };
    const { id } = await send('/v1/inspections', { lot_id: 'LOT-2033-001', chip_id: chip, inspection_type: 'electrical' });
    await open(`/inspections?chip_id=${chip}`);
    const state = page.locator('.inspections-table tbody tr', { hasText: chip }).locator('.state');
    await state.filter({ hasText: 'Pending' }).waitFor();
    await page.locator('.live-mark', { hasText: 'Live' }).waitFor();
    await send(`/v1/inspections/${id}/measurements`, [{ characteristic: 'net_resistance', value: 9, unit: 'ohm', lsl: 0, usl: 1 }]);
    await state.filter({ hasText: 'Fail' }).waitFor({ timeout: 60_000 });
  });

  test('rows are gone through and opened by keyboard, also after the menu was clicked', async () => {
    await page.locator('nav').getByRole('link', { name: 'Lots', exact: true }).click();
    await page.waitForURL(/\/lots/);
    await page.locator('nav').getByRole('link', { name: 'Inspections', exact: true }).click();
    await page.waitForURL(/\/inspections/);
    await page.locator('.inspections-table tbody tr').first().waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.locator('tr.selected').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/inspections\/[0-9a-f-]{36}/);
  });

  test('a scanned barcode opens the unit, or the lot', async () => {
    const fail = await oneFail();
    await open('/');
    await page.locator('.tile').first().waitFor();
    for (const [code, path] of [
      [fail.chip_id, `/units/${fail.chip_id}`],
      [fail.lot_id.toLowerCase(), `/lots/${fail.lot_id}`],
    ] as const) {
      await page.keyboard.press('/');
      await page.keyboard.type(code);
      await page.keyboard.press('Enter');
      await page.waitForURL((url) => decodeURIComponent(url.pathname) === path);
    }
  });

  test('a waiting board is judged with the keyboard alone; what is undone in time was never sent', async () => {
    const id = await postUnreadable('PCB-REVIEW-1');
    await until(
      'the board to wait',
      async () => (await call(`/v1/inspections?chip_id=PCB-REVIEW-1`)).data[0]?.status === 'awaiting_review',
    );
    await open(`/review?at=${id}`);
    await page.getByRole('heading', { name: 'PCB-REVIEW-1' }).waitFor();
    await decideAndUndo(page, 'f', '.undo-bar:not(.empty)');
    await page.getByRole('heading', { name: 'PCB-REVIEW-1' }).waitFor();
    await page.waitForTimeout(4500);
    assert.equal((await call(`/v1/inspections?chip_id=PCB-REVIEW-1`)).data[0]?.status, 'awaiting_review');
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await page.route('**/complete', async (route) => {
      await answered;
      await route.continue();
    });
    await page.keyboard.press('p');
    // The next board waits for no answer: there is none yet.
    await page.getByRole('heading', { name: 'PCB-REVIEW-1' }).waitFor({ state: 'detached' });
    answer();
    const judged = await until('the verdict', async () => {
      const [row] = (await call(`/v1/inspections?chip_id=PCB-REVIEW-1`)).data;
      return row?.status === 'completed' && row;
    });
    assert.equal(judged.verdict, 'pass');
    await page.unroute('**/complete');
  });

  test('a finding of a failed board is confirmed by key', async () => {
    const fail = await oneFail();
    await open(`/inspections/${fail.id}`);
    await page.locator('table button.row-link').first().click();
    await page.keyboard.press('c');
    await until('the review to be sent', async () => {
      const { data } = (await call(`/v1/inspections/${fail.id}/defects`)) as unknown as { data: { state: string }[] };
      return data.some(({ state }) => state === 'confirmed');
    });
  });

  test('a lot is held with a reason, and says so', async () => {
    const [lot] = (await call('/v1/lots?state=open&limit=1')).data;
    assert.ok(lot);
    await open(`/lots/${lot.lot_id}`);
    await page.getByRole('button', { name: 'Hold' }).click();
    await page.getByLabel('Reason').fill('Solder mask looks dull');
    await page.getByRole('dialog').getByRole('button', { name: 'Hold' }).click();
    await page.getByText('Solder mask looks dull').waitFor();
    await page.locator('.page-head .state', { hasText: 'Held' }).waitFor();
  });

  test('who signs out has to give the password to come back, in another tab as well', async () => {
    const away = await browser.newContext({ locale: 'en' });
    const tab = await signIn(away, platform.url, person('quality_manager'));
    await signOut(tab);
    await tab.getByRole('button', { name: 'Sign in', exact: true }).click();
    await tab.locator('input[name="password"]').waitFor();
    const other = await away.newPage();
    await other.goto(platform.url);
    await other.locator('input[name="password"]').waitFor();
    await away.close();
  });

  test('who may not hold a lot is not offered it', async () => {
    const other = await browser.newContext({ locale: 'en' });
    const operator = await signIn(other, platform.url, person('manufacturing_operator'), '/lots');
    await operator.locator('.lots-table .row-link').first().click();
    await operator.locator('.lot-figures').waitFor();
    assert.equal(await operator.getByRole('button', { name: 'Hold' }).count(), 0);
    assert.equal(await operator.getByRole('link', { name: 'Review', exact: true }).count(), 0);
    await other.close();
  });

  test('a break of the connection is told, and ends by itself', async () => {
    await open('/');
    // A socket that is still being opened when the line breaks is not the one that the break closes.
    await page.locator('.live-mark', { hasText: 'Live' }).waitFor();
    await context.setOffline(true);
    await page.locator('.offline-band').waitFor();
    await context.setOffline(false);
    await page.locator('.offline-band').waitFor({ state: 'detached', timeout: 60_000 });
    faults.length = 0;
  });

  test('axe finds nothing serious on any page, light and dark', async () => {
    const fail = await oneFail();
    await postUnreadable('PCB-REVIEW-2');
    const paths = [
      '/',
      '/inspections?verdict=fail',
      `/inspections/${fail.id}`,
      `/units/${fail.chip_id}`,
      '/lots',
      `/lots/${fail.lot_id}`,
      '/review',
      '/models',
      '/models/pcb-pair-synth',
    ];
    const found: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const path of paths) {
        await open(path);
        await page.locator('main h1, main .inspection-head').first().waitFor();
        await page.waitForTimeout(700);
        const { violations } = await new AxeBuilder({ page }).analyze();
        for (const { id, impact, nodes } of violations)
          if (impact === 'serious' || impact === 'critical')
            found.push(`${path} ${colorScheme}: ${id} ${nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
      }
    }
    assert.deepEqual(found, []);
  });

  test('no page threw, and no script was refused by the content policy', () => {
    assert.deepEqual(faults, []);
  });
});
