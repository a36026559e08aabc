import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { writeTinyModel } from '../support/tiny-model.ts';
import { CHROMIUM, hasChromium, signIn } from './browser.ts';
import { axeFaults, openSitting, type Sitting } from './session.ts';
import { seedWaiting, stationRun } from './waiting.ts';

if (!hasChromium()) {
  if (process.env.CI === 'true') throw new Error(`no ${CHROMIUM}: the pages of models cannot be tested (apt-get install chromium)`);
  console.log(`left out: the pages of models in a browser, because there is no ${CHROMIUM} (apt-get install chromium)`);
}

const NAME = 'pcb-pair-synth';
const PAGE = `/models/${NAME}`;

/** It calls what version 1, which judges, only doubts. */
async function secondVersion(folder: string): Promise<void> {
  const classes = ['open', 'short', 'mousebite', 'spur', 'spurious_copper', 'pin_hole'];
  await writeTinyModel(folder, { version: 2, boxReach: 17, thresholds: Object.fromEntries(classes.map((one) => [one, 0.3])) });
}

describe('the page of a model', { skip: !hasChromium(), timeout: 290_000 }, () => {
  let sitting: Sitting;
  const version = (number: number) => sitting.page.locator('.model-version', { hasText: `Version ${number}` });

  before(async () => {
    sitting = await openSitting({ DRIFT_BASELINE_BOARDS: '100' }, secondVersion);
  });
  after(async () => {
    await sitting?.end();
  });

  test('the list leads to the model, and nothing reviewed is said to be nothing reviewed', async () => {
    const { page } = sitting;
    await sitting.open('/models');
    await page.getByRole('link', { name: NAME }).click();
    await page.waitForURL((url) => url.pathname === PAGE);
    await version(1).locator('.state', { hasText: 'Production' }).waitFor();
    await version(2).locator('.state', { hasText: 'Draft' }).waitFor();
    await page.getByRole('link', { name: 'Quality' }).click();
    await page.locator('[data-figure="reviewed"]').waitFor();
    assert.equal(await page.locator('[data-figure="false_calls"] dd').innerText(), '-');
    assert.match(await page.locator('.quality-rates').innerText(), /none reviewed yet[\s\S]*none audited yet/);
  });

  test('a version becomes the shadow with a reason; a step that is not allowed says which rule stands against it', async () => {
    const { page } = sitting;
    await sitting.open(PAGE);
    await version(2).getByRole('button', { name: 'Change stage' }).click();
    await page.getByLabel('Reason').fill('measured beside production first');
    await page.getByRole('dialog').getByRole('button', { name: 'Change stage' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await version(2).locator('.state', { hasText: 'Shadow' }).waitFor();
    await version(2).locator('summary').click();
    await version(2).getByText('measured beside production first').waitFor();

    await page.getByRole('button', { name: 'Roll back' }).click();
    await page.getByLabel('Reason').fill('to see what is refused');
    await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click();
    await page.getByRole('alert').waitFor();
    assert.match(await page.getByRole('alert').innerText(), /replaced no other/);
    await page.keyboard.press('Escape');
  });

  test('the shadow is seen beside production, and a person settles who is right', async () => {
    const { page } = sitting;
    await seedWaiting(sitting.station, Array(3).fill({ kind: 'findings', say: ['confirm'] }), 'LOT-2026-720');
    await sitting.open(`${PAGE}?tab=comparison`);
    const rows = page.locator('.disagreements > li');
    await sitting.until('the boards that they call otherwise', async () => {
      if ((await rows.count()) === 3) return true;
      await page.waitForTimeout(1000);
      await page.reload();
      await page.locator('.comparison').waitFor();
      return false;
    });
    assert.match(await rows.first().innerText(), /production: nothing there, candidate: open 0\.44/);
    await rows
      .first()
      .getByRole('button', { name: /^Candidate is right/ })
      .click();
    await sitting.until('it to be settled', async () => (await rows.count()) === 2);
    await page.getByText('candidate right 1').waitFor();
    const boards = page.locator('.comparison .quality-figures dd').first();
    assert.equal(await boards.innerText(), '3');
  });

  test('new thresholds are seen on past boards before they can be applied', async () => {
    const { page } = sitting;
    await sitting.open(`${PAGE}?tab=recipes`);
    const apply = page.getByRole('button', { name: 'Apply' });
    assert.ok(await apply.isDisabled());
    await page.getByLabel('open', { exact: true }).fill('0.4');
    await page.getByRole('button', { name: 'See what would have changed' }).click();
    await page.locator('.simulation').waitFor();
    assert.match(await page.locator('.simulation').innerText(), /3 boards judged again/);
    assert.match(await page.locator('.simulation').innerText(), /3: To a person to Fail/);
    await page.getByLabel('open', { exact: true }).fill('0.41');
    assert.ok(await apply.isDisabled(), 'other thresholds are to be looked at again');
    await page.getByLabel('open', { exact: true }).fill('0.4');
    await apply.click();
    await page.getByLabel('Reason').fill('opens are missed otherwise');
    await page.getByRole('dialog').getByRole('button', { name: 'Apply' }).click();
    await page.getByText('Applied as number 1').waitFor();
    await page.locator('td', { hasText: 'opens are missed otherwise' }).waitFor();
  });

  test('an answer that is lost on its way: sending again makes nothing twice, and sending something else is told that it was done', async () => {
    const { page, faults } = sitting;
    const applied = async () =>
      (await sitting.api<{ data: { reason: string }[] }>(`/v1/models/${NAME}/recipes`)).data.map(({ reason }) => reason).sort();
    const before = await applied();
    const known = faults.length;
    await sitting.open(`${PAGE}?tab=recipes`);
    await page.getByLabel('Product', { exact: true }).fill('BOARD-X');
    await page.getByLabel('open', { exact: true }).fill('0.6');
    await page.getByRole('button', { name: 'See what would have changed' }).click();
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.route('**/recipes', async (route) => {
      if (route.request().method() !== 'POST') return await route.fallback();
      await route.fetch();
      await route.abort();
      await page.unroute('**/recipes');
    });
    const dialog = page.getByRole('dialog');
    const send = async (reason: string) => {
      await page.getByLabel('Reason').fill(reason);
      await dialog.getByRole('button', { name: 'Apply' }).click();
    };
    await send('said once');
    await page.getByRole('alert').waitFor();
    assert.deepEqual(await applied(), [...before, 'said once']);
    await send('said otherwise');
    await page.getByRole('alert').getByText('It was done already').waitFor();
    await send('said once');
    await dialog.waitFor({ state: 'detached' });
    assert.deepEqual(await applied(), [...before, 'said once']);
    // The browser writes both answers down as errors.
    assert.match(faults.splice(known).join(), /^[^,]*ERR_FAILED[^,]*,[^,]* 422 [^,]*$/);
  });

  test('a station that drifts is named, and its alarm is acknowledged with what was done', async () => {
    const { page, station } = sitting;
    await sitting.open(`${PAGE}?tab=drift`);
    await page.locator('.station-drift', { hasText: 'of 100 boards for a baseline' }).waitFor();
    await page.getByText('No station has drifted.').waitFor();
    await stationRun(station, { boards: 110, shift: 0 }, 'LOT-2026-730');
    await stationRun(station, { boards: 30, shift: 3 }, 'LOT-2026-731');
    await page.locator('.drift-alarms li').first().waitFor({ timeout: 60_000 });
    const alarm = page.locator('.drift-alarms li', { hasText: 'Shift, px' });
    const name = await page.locator('.station-drift').first().getAttribute('data-station');
    assert.match(await alarm.innerText(), new RegExp(`open\\s+${name}`));
    await alarm.getByRole('button', { name: `Acknowledge the alarm of ${name}` }).click();
    await page.getByLabel('What was done').fill('camera bracket tightened');
    await page.getByRole('dialog').getByRole('button', { name: 'Acknowledge' }).click();
    await alarm.getByText('camera bracket tightened').waitFor();
    assert.equal(await alarm.filter({ hasText: 'camera bracket tightened' }).getByRole('button').count(), 0);
  });

  test('who may not govern is offered nothing to govern by', async () => {
    const { platform, context } = sitting;
    const auditor = platform.credentials.users.find(({ roles }) => roles.includes('auditor'));
    assert.ok(auditor);
    const other = await context.browser()?.newContext({ locale: 'en' });
    assert.ok(other);
    const page = await signIn(other, platform.url, auditor, PAGE);
    await page.locator('.model-version').first().waitFor();
    assert.equal(await page.getByRole('button', { name: /Change stage|Roll back/ }).count(), 0);
    await other.close();
  });

  test('axe finds nothing serious on any part, light and dark, at 1280 and at 390 pixels', async () => {
    const paths = ['/models', PAGE, ...['comparison', 'recipes', 'drift'].map((tab) => `${PAGE}?tab=${tab}`)];
    assert.deepEqual(await axeFaults(sitting, paths, () => sitting.page.waitForTimeout(700)), []);
  });

  test('in German, whose words are longer, no part is wider than a phone', async () => {
    const { page } = sitting;
    await page.evaluate(() => localStorage.setItem('cqp.language', 'de'));
    const paths = ['', ...['quality', 'comparison', 'recipes', 'drift'].map((tab) => `?tab=${tab}`)].map((search) => PAGE + search);
    assert.deepEqual(await axeFaults(sitting, paths, () => page.waitForTimeout(700)), []);
    await sitting.open(`${PAGE}?tab=drift`);
    await page.locator('.drift-alarms li', { hasText: 'höher als üblich' }).first().waitFor();
    await page.evaluate(() => localStorage.removeItem('cqp.language'));
  });

  test('the thresholds in force of a product are shown however many recipes come before it', async () => {
    const { page } = sitting;
    await page.evaluate(() => localStorage.removeItem('cqp.language'));
    for (let i = 0; i < 51; i++)
      await sitting.api(`/v1/models/${NAME}/recipes`, 'POST', { product: `P${100 + i}`, thresholds: { open: 0.6 }, reason: 'of its own' });
    await sitting.api(`/v1/models/${NAME}/recipes`, 'POST', { product: 'ZETA', thresholds: { open: 0.77 }, reason: 'of its own' });
    await sitting.open(`${PAGE}?tab=recipes`);
    await page.getByLabel('Product', { exact: true }).fill('ZETA');
    await sitting.until(
      'its threshold',
      async () => (await page.getByLabel('open', { exact: true }).getAttribute('placeholder')) === '0.77',
    );
  });

  test('no page threw', () => {
    // A refused step is an answer of 409, which the browser writes down too.
    assert.deepEqual(
      sitting.faults.filter((fault) => !/409 .*rollback/.test(fault)),
      [],
    );
  });
});
