import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Inspection } from '../../src/contracts/inspections.ts';
import { CHROMIUM, changeSession, hasChromium, signOut } from './browser.ts';
import { openSitting, type Sitting } from './session.ts';
import { goodBoards, type SeededBoard, seedWaiting } from './waiting.ts';

if (!hasChromium()) {
  if (process.env.CI === 'true') throw new Error(`no ${CHROMIUM}: what a reviewer keeps cannot be tested (apt-get install chromium)`);
  console.log(`left out: what a reviewer keeps in a browser, because there is no ${CHROMIUM} (apt-get install chromium)`);
}

describe('what a reviewer has before them and has said is not lost', { skip: !hasChromium(), timeout: 240_000 }, () => {
  let sitting: Sitting;
  let boards: SeededBoard[];
  const shown = () => sitting.page.locator('.desk-head h2').innerText();
  const boardOf = (chip: string) => boards.find((board) => board.chip === chip) as SeededBoard;
  const read = (id: string) => sitting.api<Inspection>(`/v1/inspections/${id}`);
  /** As a colleague does on another screen. */
  const elsewhere = (id: string) => sitting.api(`/v1/inspections/${id}/complete`, 'POST', { verdict: 'fail', reason: 'seen elsewhere' });
  const reason = () => sitting.page.getByLabel('Reason (for the audit trail)');

  before(async () => {
    sitting = await openSitting({ REVIEW_AUDIT_SHARE: '1' });
    boards = await seedWaiting(
      sitting.station,
      Array.from({ length: 6 }, () => ({ kind: 'hand' as const, say: 'pass' as const })),
    );
  });
  after(async () => {
    await sitting?.end();
  });

  test('a board that a colleague decides stays on the desk and says so; its keys judge nothing, and the person goes on', async () => {
    const { page } = sitting;
    await sitting.open('/review');
    await page.locator('.desk-head h2').waitFor();
    const mine = await shown();
    await page.getByText('The picture cannot be shown').first().waitFor();
    await elsewhere(boardOf(mine).id);
    await page.locator('.desk-gone', { hasText: 'Decided by someone else meanwhile' }).waitFor();
    assert.equal(await shown(), mine);
    await page.keyboard.press('p');
    assert.equal(await page.locator('.undo-bar.empty').count(), 1);
    assert.equal(await page.locator('.key-pad button').count(), 0);
    await page.getByRole('button', { name: 'Next board' }).click();
    await sitting.until('the next board', async () => (await shown()) !== mine);
    assert.equal(await page.locator('.desk-gone').count(), 0);
  });

  test('a typed reason is there again when the person comes back to the board', async () => {
    const { page } = sitting;
    const mine = await shown();
    await reason().fill('scratch under the mask');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Shift+J');
    await sitting.until('the next board', async () => (await shown()) !== mine);
    assert.equal(await reason().inputValue(), '');
    await page.keyboard.press('Shift+K');
    await sitting.until('the board before', async () => (await shown()) === mine);
    assert.equal(await reason().inputValue(), 'scratch under the mask');
  });

  test('a fault of a read in the background takes neither the page nor what was typed', async () => {
    const { page, context } = sitting;
    await page.route('**/v1/me', (route) => route.fulfill({ status: 500, body: '' }));
    await context.setOffline(true);
    await page.locator('.offline-band').waitFor();
    let answers = 0;
    page.on('response', (answer) => answer.url().endsWith('/v1/me') && answers++);
    await context.setOffline(false);
    await sitting.until('the last of four tries', async () => answers >= 4);
    await page.waitForTimeout(500);
    assert.equal(await reason().inputValue(), 'scratch under the mask');
    await page.unroute('**/v1/me');
    sitting.faults.length = 0;
  });

  test('an address of a board that does not wait says so and shows no other one', async () => {
    const { page } = sitting;
    await sitting.open('/review?at=01900000-0000-7000-8000-000000000000');
    await page.getByRole('heading', { name: 'This board does not wait for a person' }).waitFor();
    assert.equal(await page.locator('.desk-head').count(), 0);
    await page.keyboard.press('p');
    assert.equal(await page.locator('.undo-bar.empty').count(), 1);
    await page.getByRole('button', { name: 'Go on with the queue' }).click();
    await page.locator('.desk-head h2').waitFor();
    sitting.faults.length = 0;
  });

  test('an address of a board whose record cannot be read does not claim that it does not wait', async () => {
    const { page } = sitting;
    await page.route('**/v1/inspections/01900000*', (route) => route.fulfill({ status: 500, body: '' }));
    await sitting.open('/review?at=01900000-0000-7000-8000-000000000000');
    await page.getByRole('heading', { name: 'The platform could not answer' }).waitFor();
    assert.equal(await page.getByRole('heading', { name: 'This board does not wait for a person' }).count(), 0);
    assert.match(await page.locator('.review-left').innerText(), /^[1-9]\d* left$/);
    await page.unroute('**/v1/inspections/01900000*');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('button', { name: 'Go on with the queue' }).click();
    await page.locator('.desk-head h2').waitFor();
    sitting.faults.length = 0;
  });

  test('a decision that does not reach the platform is told on every page, outlives signing out, and is sent once it can be', async () => {
    const { page, context } = sitting;
    const mine = await shown();
    await page.route('**/complete', (route) => route.abort());
    await page.keyboard.press('p');
    await sitting.until('the next board', async () => (await shown()) !== mine);
    await page.getByRole('link', { name: 'Lots', exact: true }).click();
    await page.getByRole('status').filter({ hasText: '1 decision has not reached the platform' }).waitFor();
    assert.equal((await read(boardOf(mine).id)).status, 'awaiting_review');

    // Offline beside it: neither band covers the other, however far the page is scrolled.
    await context.setOffline(true);
    const bands = page.locator('.offline-band');
    await sitting.until('both bands', async () => (await bands.count()) === 2);
    const edges = await page.evaluate(() => {
      const main = document.querySelector<HTMLElement>('.main');
      if (main) main.style.minHeight = '300vh';
      window.scrollTo(0, 500);
      const found = [...document.querySelectorAll('.bar, .offline-band')].map((one) => one.getBoundingClientRect());
      if (main) main.style.minHeight = '';
      return found.map(({ top, bottom }) => [Math.round(top), Math.round(bottom)] as const);
    });
    assert.equal(edges.length, 3);
    assert.deepEqual(
      edges.slice(1).map(([top]) => top),
      edges.slice(0, -1).map(([, bottom]) => bottom),
      'each begins where the one above ends',
    );
    await context.setOffline(false);
    await sitting.until('to be back', async () => (await bands.count()) === 1);

    // Signing out does not drop it in silence.
    await signOut(page);
    const question = page.getByRole('dialog', { name: 'Sign out' });
    await question.getByText('1 decision has not reached the platform').waitFor();
    await question.getByRole('button', { name: 'Stay signed in' }).click();
    await question.waitFor({ state: 'detached' });

    // Its board is not asked a second time, although the queue still holds it.
    await page.getByRole('link', { name: 'Review', exact: true }).click();
    await page.locator('.desk-head h2').waitFor();
    await page.waitForTimeout(6_500);
    await page.waitForResponse('**/v1/review-queue*');
    await page.waitForTimeout(500);
    assert.ok((await page.locator('.review-queue li').count()) > 0);
    assert.equal(await page.locator('.review-queue li', { hasText: mine }).count(), 0);

    await page.unroute('**/complete');
    await page.getByRole('status').filter({ hasText: 'not reached' }).waitFor({ state: 'detached' });
    assert.equal((await read(boardOf(mine).id)).verdict, 'pass');
    sitting.faults.length = 0;
  });

  test('a decision that is refused after its page was left is told, and leads to its board', async () => {
    const { page } = sitting;
    await page.getByRole('link', { name: 'Review', exact: true }).click();
    await page.locator('.desk-head h2').waitFor();
    const mine = await shown();
    // What the page sends goes with a key, and waits until the colleague was faster, however slow the machine is.
    let told = () => {};
    const faster = new Promise<void>((resolve) => {
      told = resolve;
    });
    await page.route('**/complete', async (route) => {
      if (route.request().headers()['idempotency-key']) await faster;
      await route.continue();
    });
    await page.keyboard.press('p');
    await elsewhere(boardOf(mine).id);
    told();
    await page.getByRole('link', { name: 'Lots', exact: true }).click();
    const bar = page.getByRole('alert').filter({ hasText: 'A decision was not taken' });
    await bar.waitFor();
    await page.unroute('**/complete');
    await bar.getByRole('link', { name: 'Passed' }).click();
    await page.waitForURL((url) => url.pathname === `/inspections/${boardOf(mine).id}`);
    await bar.getByRole('button', { name: 'Close' }).click();
    await bar.waitFor({ state: 'detached' });
  });

  test('a waiting board that stands behind what is read of the queue is opened by its address, and can be decided', async () => {
    const { page } = sitting;
    const standing = await Promise.all(boards.map(async (board) => ({ board, now: await read(board.id) })));
    const board = standing.find(({ now }) => now.status === 'awaiting_review')?.board;
    assert.ok(board);
    await page.route('**/v1/review-queue*', (route) => route.fulfill({ json: { data: [], has_more: true, next_cursor: null } }));
    await sitting.open(`/inspections/${board.id}`);
    await page.getByRole('link', { name: 'Review now' }).click();
    await page.locator('.desk-head h2', { hasText: board.chip }).waitFor();
    assert.equal(await page.locator('.desk-gone').count(), 0);
    const bar = page.locator('.undo-bar', { hasText: 'Left undecided' }).waitFor();
    await page.keyboard.press('u');
    await bar;
    await sitting.until('the verdict', async () => (await read(board.id)).verdict === 'inconclusive');
    await page.unroute('**/v1/review-queue*');
  });

  test('a filter that leaves nothing says so, and is taken away by its button', async () => {
    const { page } = sitting;
    await sitting.open('/review?kind=repeat');
    await page.getByRole('heading', { name: 'Nothing under “Again”' }).waitFor();
    assert.equal(await page.getByRole('heading', { name: 'Nothing waits for a person' }).count(), 0);
    await page.getByRole('button', { name: 'Show all' }).click();
    await page.locator('.desk-head h2').waitFor();
    assert.equal(new URL(page.url()).searchParams.get('kind'), null);
  });

  test('a decision over which the session ends is sent once the same person is back, and by nobody else', async () => {
    const { page, context, platform, person } = sitting;
    const other = platform.credentials.users.find(({ site, roles }) => site === person.site && roles.includes('quality_engineer'));
    assert.ok(other);
    const signIn = async ({ username, password }: { username: string; password: string }) => {
      await page.locator('input[name="username"]').fill(username);
      await page.locator('input[name="password"]').fill(password);
      await page.locator('button[type="submit"]').click();
      await page.locator('.menu-button', { hasText: username }).waitFor();
    };
    let sent = 0;
    page.on('request', (request) => request.url().endsWith('/complete') && sent++);
    await sitting.open('/review');
    await page.locator('.desk-head h2').waitFor();
    const mine = await shown();
    // The token is refused, no new one is given, and the provider asks for the password again.
    await changeSession(page, { access_token: 'ended', refresh_token: 'ended' });
    await context.clearCookies();
    await page.keyboard.press('p');
    await page.locator('input[name="password"]').waitFor();

    sent = 0;
    await signIn(other);
    await page.locator('.desk-head h2').waitFor();
    await page.waitForTimeout(1000);
    assert.equal(sent, 0);
    assert.equal((await read(boardOf(mine).id)).status, 'awaiting_review');
    await signOut(page);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();

    await signIn(person);
    await sitting.until('the verdict', async () => (await read(boardOf(mine).id)).verdict === 'pass');
    assert.equal(sent, 1);
    await page.reload();
    await page.locator('.menu-button').waitFor();
    await page.waitForTimeout(1000);
    assert.equal(sent, 1, 'what was taken is not kept');
    sitting.faults.length = 0;
  });

  test('the wall tells looks that are asked for beside what waits: its list shows both', async () => {
    const { page } = sitting;
    await goodBoards(sitting.station, 2);
    await sitting.open('/');
    await sitting.until('the looks', async () => (await page.locator('.needs li', { hasText: 'Drawn at random' }).count()) === 2);
    assert.match(await page.locator('.headline').innerText(), /[1-6] inspections? waits? for a person.*2 further looks are asked for/s);
  });
});
