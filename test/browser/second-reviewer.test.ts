import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Inspection } from '../../src/contracts/inspections.ts';
import type { ReviewerAgreement } from '../../src/contracts/monitoring.ts';
import type { ReviewItem } from '../../src/contracts/review.ts';
import { CHROMIUM, hasChromium } from './browser.ts';
import { axeFaults, openSitting, type Sitting } from './session.ts';
import { goodBoards } from './waiting.ts';

if (!hasChromium()) {
  if (process.env.CI === 'true') throw new Error(`no ${CHROMIUM}: second reviewers cannot be tested (apt-get install chromium)`);
  console.log(`left out: second reviewers in a browser, because there is no ${CHROMIUM} (apt-get install chromium)`);
}

const MISSED = [{ class: 'short', box: { x: 200, y: 200, width: 32, height: 32 } }];
const QUALITY = '/models/pcb-pair-synth?tab=quality';

describe('an audit that is asked again', { skip: !hasChromium(), timeout: 290_000 }, () => {
  let sitting: Sitting;
  let boards: { id: string; chip: string }[] = [];
  const tokens = new Map<string, string>();
  const queue = async () => (await sitting.api<{ data: ReviewItem[] }>('/v1/review-queue?kind=repeat')).data;
  const read = (chip: string) =>
    sitting.api<Inspection>(`/v1/inspections/${boards.find((board) => board.chip === chip)?.id}?include=defects`);

  async function say(role: string, path: string, body: object): Promise<void> {
    const { platform } = sitting;
    const user = platform.credentials.users.find(({ roles }) => roles.includes(role));
    const token = tokens.get(role) ?? (await platform.tokenOf(user?.username ?? ''));
    tokens.set(role, token);
    const answer = await fetch(platform.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    });
    assert.equal(answer.status, 200, await answer.text());
  }

  before(async () => {
    sitting = await openSitting({ REVIEW_AUDIT_SHARE: '1', REVIEW_REPEAT_SHARE: '1' }, undefined, 'quality_engineer');
    boards = await goodBoards(sitting.station, 3);
    for (const [at, { id }] of boards.entries())
      await say(
        'quality_manager',
        `/v1/inspections/${id}/review`,
        at < 2 ? { outcome: 'disagrees', missed: MISSED } : { outcome: 'agrees' },
      );
    const second = (await queue()).find(({ inspection }) => inspection.id === boards[1]?.id);
    await say('system_admin', `/v1/repeated-looks/${second?.repeat?.id}`, { outcome: 'agrees' });
  });
  after(async () => {
    await sitting?.end();
  });

  test('axe finds nothing serious on the desk and on the figures, light and dark, at 1280 and at 390 pixels', async () => {
    assert.deepEqual(await axeFaults(sitting, ['/review?kind=repeat', QUALITY], () => sitting.page.waitForTimeout(700)), []);
    await sitting.page.getByText('No audit was answered by two people yet.').waitFor({ state: 'detached' });
  });

  test('the second says by one key what they see, and not what the first marked; the third sees both words and decides', async () => {
    const { page } = sitting;
    const [marked, disputed, clean] = boards.map(({ chip }) => chip) as [string, string, string];
    await sitting.open('/review?kind=repeat');
    const shown = () => page.locator('.desk-head h2').innerText();
    const rows = page.locator('.review-defects li');
    const done = new Set<string>();
    while (done.size < 3) {
      const chip = await sitting.until('the next board', async () => {
        const now = await shown();
        return !done.has(now) && now;
      });
      await page.locator('.board-four canvas').waitFor();
      if (chip === disputed) {
        await page.locator('.desk-head', { hasText: 'Two reviewers differ: you decide' }).waitFor();
        await sitting.until('both words and the mark', async () => (await rows.count()) === 3);
        assert.match((await rows.allInnerTexts()).join('\n'), /: Something was missed[\s\S]*: Nothing was missed[\s\S]*short/i);
        await page.locator('.key-pad button', { hasText: 'Mark' }).waitFor();
      } else {
        await page.locator('.desk-head', { hasText: 'Someone has answered this audit' }).waitFor();
        assert.deepEqual(await rows.allInnerTexts(), ['Was anything missed?']);
        assert.equal(await page.locator('.frame-plate').count(), 0);
        assert.equal(await page.locator('.key-pad button', { hasText: 'Mark' }).count(), 0);
      }
      done.add(chip);
      await page.keyboard.press(chip === marked ? 'n' : 'a');
    }
    await page.getByRole('heading', { name: 'Nothing under “Again”' }).waitFor();
    await sitting.until('all to be answered', async () => (await queue()).length === 0);
    assert.deepEqual(await Promise.all([marked, disputed, clean].map(async (chip) => (await read(chip)).verdict)), [
      'fail',
      'pass',
      'pass',
    ]);
    assert.deepEqual(
      (await read(disputed)).defects?.map(({ state }) => state),
      ['rejected'],
    );
  });

  test('the page of the model shows kappa with its denominator, by pair, as the API tells it', async () => {
    const { page } = sitting;
    await sitting.open(QUALITY);
    const { total, pairs } = await sitting.api<ReviewerAgreement>('/v1/models/pcb-pair-synth/agreement');
    assert.deepEqual([total.n, total.agreeing, pairs.length], [3, 2, 2]);
    const cells = async (name: string) => await page.locator(`[data-reviewers="${name}"] td`).allInnerTexts();
    await page.locator('[data-reviewers]').first().waitFor();
    const [n, agreeing, kappa, interval] = await cells('First and second, all');
    assert.deepEqual([n, agreeing], ['3', '2']);
    assert.ok(Math.abs(Number(kappa) - Number(total.kappa)) < 0.01, `${kappa} for ${total.kappa}`);
    assert.match(interval ?? '', / to /);
    const decided = pairs.find(({ decided: count }) => count === 1);
    const row = await cells(decided?.reviewers.join(', ') ?? '');
    assert.deepEqual(row.at(-1), `1 (${decided?.upheld.join(' / ')})`);
    assert.deepEqual([row[0], row[1], row[2]], ['1', '0', String(decided?.figures.kappa)]);
  });

  test('no page threw', () => {
    assert.deepEqual(
      sitting.faults.filter((fault) => !/ 503 .*\/heat$/.test(fault)),
      [],
    );
  });
});
