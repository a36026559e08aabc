import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import type { InferenceRun } from '../../src/contracts/inference.ts';
import type { Inspection } from '../../src/contracts/inspections.ts';
import type { ModelVersionDetail } from '../../src/contracts/models.ts';
import { writeTinyModel } from '../support/tiny-model.ts';
import { CHROMIUM, hasChromium } from './browser.ts';
import { openSitting, type Sitting } from './session.ts';
import { goodBoards } from './waiting.ts';

if (!hasChromium()) {
  if (process.env.CI === 'true') throw new Error(`no ${CHROMIUM}: the life of a version cannot be tested (apt-get install chromium)`);
  console.log(`left out: the life of a version in a browser, because there is no ${CHROMIUM} (apt-get install chromium)`);
}

const NAME = 'pcb-pair-synth';
const PAGE = `/models/${NAME}`;

/** Version 2 answers as version 1 does, which judges; version 3 does not answer its golden example. */
async function twoMore(folder: string): Promise<void> {
  await writeTinyModel(folder, { version: 2, boxReach: 17 });
  await writeTinyModel(folder, { version: 3, golden: 'wrong' });
}

describe('the life of a version, by a quality engineer', { skip: !hasChromium(), timeout: 290_000 }, () => {
  let sitting: Sitting;
  const article = (number: number) => sitting.page.locator('.model-version', { hasText: `Version ${number}` });
  const stageOf = (number: number) => article(number).locator('header .state').innerText();
  const detail = (number: number) => sitting.api<ModelVersionDetail>(`${apiOf}/versions/${number}`);
  const apiOf = `/v1/models/${NAME}`;
  const focused = () =>
    sitting.page.evaluate(() => {
      const at = document.activeElement;
      // Of a page where nothing has the focus it would be all of its text.
      if (!at || at === document.body) return '';
      return `${at.getAttribute('aria-label') ?? (at as HTMLInputElement).labels?.[0]?.textContent ?? at.textContent ?? ''}`.trim();
    });

  /** Moves the focus by Tab until it is on what is named so: whoever has no mouse must get there. */
  async function tabTo(name: string | RegExp, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
    const seen: string[] = [];
    for (let count = 0; count < 60; count += 1) {
      await sitting.page.keyboard.press(key);
      const now = await focused();
      seen.push(now);
      if (typeof name === 'string' ? now === name : name.test(now)) return;
    }
    assert.fail(`${key} does not lead to ${name}, but to ${seen.join(' | ')}`);
  }
  /** Opens the page and puts the focus on the stage button of a version, by keyboard alone. */
  async function toStageButton(version: number): Promise<void> {
    await sitting.open(PAGE);
    await article(version).getByRole('button', { name: 'Change stage' }).waitFor();
    for (let count = 0; count < 60; count += 1) {
      await sitting.page.keyboard.press('Tab');
      const inside = await article(version).evaluate((node) => node.contains(document.activeElement));
      if (inside && (await focused()).includes('Change stage')) return;
    }
    assert.fail('Tab does not lead to it');
  }
  /** What the page says of the versions' stages is what the API says, and what it says of the history too. */
  async function assertShown(wanted: Record<number, string>): Promise<void> {
    for (const [version, stage] of Object.entries(wanted)) {
      await article(Number(version)).locator('header .state', { hasText: stage }).waitFor();
      assert.equal((await detail(Number(version))).stage, stage.toLowerCase());
    }
  }
  async function dialogFaults(): Promise<string[]> {
    const { violations } = await new AxeBuilder({ page: sitting.page }).include('[role="dialog"]').analyze();
    return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id }) => id);
  }
  /** The versions that judged these boards. */
  async function judges(ids: readonly string[]): Promise<number[]> {
    const found = new Set<number>();
    for (const id of ids) {
      const { inference = [] } = await sitting.api<Inspection & { inference?: InferenceRun[] }>(`/v1/inspections/${id}?include=inference`);
      for (const { version } of inference) found.add(version);
    }
    return [...found];
  }
  const boardsOf = async (lot: string) => (await goodBoards(sitting.station, 3, lot)).map(({ id }) => id);
  /** As `inference.lot_share` draws it. */
  const shareOf = (lot: string) => createHash('sha256').update(`${sitting.person.site}/${lot}`).digest().readUInt32BE() % 100;
  const lots = Array.from({ length: 100 }, (_, at) => `LOT-2026-${800 + at}`);
  const ofCanary = () => lots.filter((lot) => shareOf(lot) < 25);
  const ofProduction = () => lots.filter((lot) => shareOf(lot) >= 25);

  before(async () => {
    sitting = await openSitting({ CANARY_MIN_BOARDS: '1000' }, twoMore, 'quality_engineer');
  });
  after(async () => {
    await sitting?.end();
  });

  test('a draft becomes the shadow by keyboard alone', async () => {
    const { page } = sitting;
    await toStageButton(2);
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await sitting.until('the reason to have the focus', async () => (await focused()).startsWith('Reason'));
    assert.deepEqual(await dialogFaults(), []);
    await tabTo(/^New stage/, 'Shift+Tab');
    assert.equal(await page.getByLabel('New stage').inputValue(), 'shadow');
    await tabTo(/^Reason/);
    await page.keyboard.type('measured beside production first');
    await tabTo('Change stage');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await sitting.until('the button to have the focus again', async () => (await focused()).includes('Change stage'));
    await assertShown({ 1: 'Production', 2: 'Shadow', 3: 'Draft' });
    const [newest] = (await detail(2)).history;
    assert.deepEqual([newest?.from, newest?.to, newest?.automatic], ['draft', 'shadow', false]);
    assert.equal(newest?.reason, 'measured beside production first');
    await boardsOf(lots[0] as string);
    await sitting.until('the shadow to have looked', async () => {
      const { data } = await sitting.api<{ data: { role: string; boards: number; agreeing: number }[] }>(`${apiOf}/comparison`);
      return data[0]?.role === 'shadow' && data[0].boards === 3 && data[0].agreeing === 3;
    });
    await sitting.open(`${PAGE}?tab=comparison`);
    await page.getByText('Version 2 (Shadow) beside version 1').waitFor();
    assert.equal(await page.locator('.comparison .quality-figures dd').first().innerText(), '3');
  });

  test('the shadow becomes a canary of a share of the lots, by mouse; the share is what is judged', async () => {
    const { page } = sitting;
    await sitting.open(PAGE);
    await article(2).getByRole('button', { name: 'Change stage' }).click();
    await page.getByLabel('New stage').selectOption('canary');
    await page.getByLabel('Share of the lots').fill('25');
    await page.getByLabel('Reason').fill('agreed on every board as a shadow');
    assert.deepEqual(await dialogFaults(), []);
    await page.getByRole('dialog').getByRole('button', { name: 'Change stage' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await assertShown({ 1: 'Production', 2: 'Canary', 3: 'Draft' });
    assert.equal((await detail(2)).canary_percent, 25);
    await page.locator('.page-head', { hasText: 'Canary v2 25 % of the lots' }).waitFor();
    const [its, others] = [ofCanary()[0] as string, ofProduction()[0] as string];
    assert.deepEqual(await judges(await boardsOf(its)), [2], `${its} lies below the share`);
    assert.deepEqual(await judges(await boardsOf(others)), [1], `${others} lies above it`);
    await sitting.open(`${PAGE}?tab=comparison`);
    await page.getByText('Version 2 (Canary) beside version 1').waitFor();
  });

  test('the canary takes a larger share, and is promoted to production, by keyboard alone', async () => {
    const { page } = sitting;
    await toStageButton(2);
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await tabTo(/^New stage/, 'Shift+Tab');
    // A list that is closed takes the first letters of a choice.
    await page.keyboard.type('Can');
    assert.equal(await page.getByLabel('New stage').inputValue(), 'canary');
    await tabTo(/^Share of the lots/);
    await page.keyboard.press('Control+a');
    await page.keyboard.type('50');
    await tabTo(/^Reason/);
    await page.keyboard.type('nothing was found against it');
    await tabTo('Change stage');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.locator('.page-head', { hasText: 'Canary v2 50 % of the lots' }).waitFor();
    assert.equal((await detail(2)).canary_percent, 50);

    await toStageButton(2);
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    assert.equal(await page.getByLabel('New stage').inputValue(), 'production');
    await page.getByText('The version that is in production now retires.').waitFor();
    await tabTo(/^Reason/);
    await page.keyboard.type('as good as the one before, and newer');
    await tabTo('Change stage');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await assertShown({ 1: 'Retired', 2: 'Production', 3: 'Draft' });
    assert.equal((await detail(2)).replaced, 1);
    await page.locator('.page-head', { hasText: 'Production v2' }).waitFor();
    assert.equal(
      await article(2).getByRole('button', { name: 'Change stage' }).count(),
      0,
      'production is left by a rollback or by another',
    );
    assert.deepEqual(await judges(await boardsOf(ofProduction()[1] as string)), [2], 'a lot that begins now');
    assert.deepEqual(await judges(await boardsOf(ofProduction()[0] as string)), [1], 'a lot that version 1 began');
  });

  test('a version that does not pass its gate is refused with the rule, and the page stays as it was', async () => {
    const { page } = sitting;
    await sitting.open(PAGE);
    await article(3).getByRole('button', { name: 'Change stage' }).click();
    await page.getByLabel('New stage').selectOption('canary');
    await page.getByLabel('Reason').fill('to see whether it is let through');
    await page.getByRole('dialog').getByRole('button', { name: 'Change stage' }).click();
    await page.getByRole('alert').waitFor();
    assert.match(await page.getByRole('alert').innerText(), /Rule golden/);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await assertShown({ 1: 'Retired', 2: 'Production', 3: 'Draft' });
  });

  test('production goes back to the version before; it goes on with the lots of the one that was taken back', async () => {
    const { page } = sitting;
    await sitting.open(PAGE);
    await page.getByRole('button', { name: 'Roll back' }).click();
    await page.getByText('It also goes on with the lots that the withdrawn version began.').waitFor();
    assert.deepEqual(await dialogFaults(), []);
    await page.getByLabel('Reason').fill('escapes were found at the electrical test');
    await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await assertShown({ 1: 'Production', 2: 'Retired', 3: 'Draft' });
    await page.locator('.page-head', { hasText: 'Production v1' }).waitFor();
    const more = (await goodBoards(sitting.station, 4, ofCanary()[0] as string)).map(({ id }) => id);
    assert.deepEqual(await judges(more.slice(-1)), [1], 'its lot goes on with version 1');

    // What the page shows of the whole life, against what the platform keeps of it.
    await article(2).locator('summary').click();
    const lines = article(2).locator('.model-history li');
    const { history } = await detail(2);
    await sitting.until('the history', async () => (await lines.count()) === history.length);
    const said = await lines.allInnerTexts();
    assert.deepEqual(
      history.map(({ to, rollback }) => `${to}${rollback ? ' back' : ''}`),
      ['retired back', 'production', 'canary', 'canary', 'shadow', 'draft'],
    );
    for (const [at, { reason, by, from, rollback }] of history.entries()) {
      if (by !== 'inference') assert.ok(said[at]?.includes(`${by}: ${reason}`), said[at]);
      if (from !== null) assert.match(said[at] ?? '', new RegExp(`${from} to `, 'i'));
      if (rollback) assert.match(said[at] ?? '', /rolled back/);
    }
    const people = history.filter(({ by }) => by !== 'inference');
    assert.equal(people.length, 5);
    assert.equal(new Set(people.map(({ by }) => by)).size, 1, 'all under the name of the one who sat here');
  });

  test('what was rolled back comes back as a shadow, and rests before it may judge again', async () => {
    const { page } = sitting;
    await sitting.open(PAGE);
    await article(2).getByRole('button', { name: 'Change stage' }).click();
    await page.getByLabel('Reason').fill('to see it beside production again');
    await page.getByRole('dialog').getByRole('button', { name: 'Change stage' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await assertShown({ 2: 'Shadow' });
    await article(2).getByRole('button', { name: 'Change stage' }).click();
    await page.getByLabel('New stage').selectOption('canary');
    await page.getByLabel('Reason').fill('at once, without a rest');
    await page.getByRole('dialog').getByRole('button', { name: 'Change stage' }).click();
    await page.getByRole('alert').waitFor();
    assert.match(await page.getByRole('alert').innerText(), /Rule rolled_back.*rests for 30 minutes/);
    await page.keyboard.press('Escape');
    await assertShown({ 2: 'Shadow' });
    assert.equal(await stageOf(2), 'Shadow');
  });

  test('no page threw', () => {
    // A refused step is an answer of 409, which the browser writes down too.
    assert.deepEqual(
      sitting.faults.filter((fault) => !/409 .*stage/.test(fault)),
      [],
    );
  });
});
