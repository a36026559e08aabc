import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import { BOARD_CLASSES } from '../../src/contracts/defects.ts';
import type { Inspection } from '../../src/contracts/inspections.ts';
import type { Disagreement } from '../../src/contracts/models.ts';
import type { ReviewItem } from '../../src/contracts/review.ts';
import { writeTinyModel } from '../support/tiny-model.ts';
import { CHROMIUM, decideAndUndo, hasChromium } from './browser.ts';
import { axeFaults, openSitting, type Sitting } from './session.ts';
import { goodBoards, type SeededBoard, seedWaiting, TWENTY } from './waiting.ts';

if (!hasChromium()) {
  if (process.env.CI === 'true') throw new Error(`no ${CHROMIUM}: the review cannot be tested (apt-get install chromium)`);
  console.log(`left out: the review in a browser, because there is no ${CHROMIUM} (apt-get install chromium)`);
}

const KEYS = { confirm: 'c', reject: 'r', spur: '4', pass: 'p', fail: 'f' } as const;

/** It calls what version 1, which judges, only doubts. */
async function secondVersion(folder: string): Promise<void> {
  await writeTinyModel(folder, { version: 2, boxReach: 17, thresholds: Object.fromEntries(BOARD_CLASSES.map((one) => [one, 0.3])) });
}

describe('a reviewer at work', { skip: !hasChromium(), timeout: 290_000 }, () => {
  let sitting: Sitting;
  let boards: SeededBoard[];
  const shown = () => sitting.page.locator('.desk-head h2').innerText();
  const read = (id: string) => sitting.api<Inspection>(`/v1/inspections/${id}?include=defects`);

  before(async () => {
    sitting = await openSitting({ REVIEW_AUDIT_SHARE: '1' }, secondVersion);
    boards = await seedWaiting(sitting.station, TWENTY);
  });
  after(async () => {
    await sitting?.end();
  });

  test('template, picture, difference and heat stand beside each other and move as one', async () => {
    const { page } = sitting;
    await sitting.open('/review?kind=waiting');
    await page.locator('.board-four canvas').waitFor();
    const views = () => page.locator('.board-four .board-port').evaluateAll((ports) => ports.map((port) => port.getAttribute('data-view')));
    const panes = await page.locator('.board-four .board-port').evaluateAll((ports) => ports.map((port) => port.getAttribute('data-show')));
    assert.deepEqual(panes, ['template', 'inspected', 'difference', 'heat']);
    const whole = (await views())[0];
    await page.locator('.board-port[tabindex="0"]').press('ArrowRight');
    await sitting.until('all four to move', async () => {
      const now = await views();
      return now.every((view) => view === now[0] && view !== whole);
    });
    await page.keyboard.press('d');
    await page.waitForURL(/mode=difference/);
    assert.equal(await page.locator('.board-port').count(), 1);
    await page.keyboard.press('d');
    await page.locator('.board-four').waitFor();
  });

  test('the key that the page names shows the template while it is held, and judges nothing', async () => {
    const { page } = sitting;
    await page.keyboard.press('i');
    const hint = await page.locator('.mode-hint', { hasText: 'golden template' }).innerText();
    const key = /Hold (\w) to see/.exec(hint)?.[1]?.toLowerCase();
    assert.ok(key, hint);
    await page.keyboard.down(key);
    await page.locator('.desk-board img[alt="Golden template"]').waitFor();
    await page.keyboard.up(key);
    await page.locator('.desk-board img[alt="Golden template"]').waitFor({ state: 'detached' });
    assert.equal(await page.locator('.undo-bar.empty').count(), 1);
    await page.keyboard.press('i');
  });

  test('20 waiting boards are cleared by keyboard alone, each followed by the next', async () => {
    const { page } = sitting;
    await sitting.open('/review?kind=waiting');
    await page.locator('.desk-head h2').waitFor();
    await page.evaluate(() => {
      const counted = window as unknown as { pointed: number };
      counted.pointed = 0;
      for (const type of ['pointerdown', 'mousedown', 'click', 'wheel'])
        window.addEventListener(type, (event) => event.isTrusted && (event as MouseEvent).detail > 0 && counted.pointed++, true);
    });
    const left = async () => Number((await page.locator('.review-left').innerText()).split(' ')[0]);
    assert.equal(await left(), 20);
    const seen = new Set<string>();
    for (let count = 20; count > 0; count -= 1) {
      const chip = await sitting.until('a board that was not decided yet', async () => {
        const now = await shown();
        return !seen.has(now) && now;
      });
      seen.add(chip);
      assert.equal(await left(), count);
      const { planned } = boards.find((board) => board.chip === chip) as SeededBoard;
      if (planned.kind === 'hand') await page.keyboard.press(KEYS[planned.say]);
      else {
        const rows = page.locator('.review-defects li');
        await sitting.until('its findings', async () => (await rows.count()) === planned.say.length);
        for (const [at, say] of planned.say.entries()) {
          // Which finding comes first is the page's business: what is said goes by how many are left.
          assert.equal(await page.locator('.review-defects .tone-person').count(), planned.say.length - at);
          await page.keyboard.press(KEYS[say]);
          if (at + 1 < planned.say.length)
            await sitting.until(
              'the next finding',
              async () => (await page.locator('.review-defects .tone-person').count()) === planned.say.length - at - 1,
            );
        }
      }
      if (count === 20) {
        await page.locator('.undo-bar:not(.empty)').waitFor();
        await sitting.until('the desk to hold the focus', () =>
          page.evaluate(() => document.activeElement?.classList.contains('review-desk')),
        );
      }
    }
    await page.getByRole('heading', { name: 'Nothing under “Waiting”' }).waitFor();
    assert.equal(seen.size, 20);
    assert.equal(await page.evaluate(() => (window as unknown as { pointed: number }).pointed), 0, 'no mouse took part');
    await sitting.until('everything to be sent', async () => (await page.locator('.undo-bar.empty').count()) === 1);

    for (const board of boards) {
      const judged = await sitting.until(`${board.chip} to have its verdict`, async () => {
        const now = await read(board.id);
        return now.status === 'completed' && now;
      });
      const states = (judged.defects ?? []).map(({ state, class: name }) =>
        state === 'rejected' ? 'reject' : name === 'spur' ? 'spur' : 'confirm',
      );
      if (board.planned.kind === 'hand') assert.equal(judged.verdict, board.planned.say, board.chip);
      else {
        assert.deepEqual(states.sort(), [...board.planned.say].sort(), board.chip);
        assert.equal(judged.verdict, board.planned.say.every((say) => say === 'reject') ? 'pass' : 'fail', board.chip);
      }
    }
    assert.equal((await sitting.api<{ data: unknown[] }>('/v1/review-queue?kind=waiting')).data.length, 0);
  });

  test('an undo within its time brings the board back, and nothing of it was sent', async () => {
    const { page } = sitting;
    const [board] = await seedWaiting(sitting.station, [{ kind: 'findings', say: ['confirm'] }], 'LOT-2026-701');
    assert.ok(board);
    await sitting.open(`/review?kind=waiting&at=${board.id}`);
    await page.locator('.review-defects .tone-person').waitFor();
    await decideAndUndo(page, 'r', '.review-desk.cleared');
    await page.locator('.review-defects .tone-person').waitFor();
    await page.waitForTimeout(4500);
    assert.equal((await read(board.id)).status, 'awaiting_review');
    await page.keyboard.press('u');
    await sitting.until('it to be left undecided', async () => (await read(board.id)).verdict === 'inconclusive');
  });

  test('audits of passes: one agrees, one cannot tell, and of one a missed defect is marked without a mouse', async () => {
    const { page } = sitting;
    const good = await goodBoards(sitting.station, 3);
    await sitting.until(
      'the audits',
      async () => (await sitting.api<{ data: unknown[] }>('/v1/review-queue?kind=audit')).data.length === 3,
    );
    // They hold up no board: on the wall they are not counted among what waits, as they are not for those who do not review.
    await sitting.open('/');
    await sitting.until('the looks', async () => (await page.locator('.needs li', { hasText: 'Drawn at random' }).count()) === 3);
    assert.doesNotMatch(await page.locator('.headline').innerText(), /[1-9]\d* inspections? waits? for a person/);
    await sitting.open('/review?kind=audit');
    await page.locator('.board-four canvas').waitFor();
    const first = await shown();
    await page.keyboard.press('a');
    await sitting.until('the next audit', async () => (await shown()) !== first);
    const second = await shown();
    await page.locator('.board-four canvas').waitFor();
    await page.keyboard.press('m');
    await page.locator('.board-aim').first().waitFor();
    for (const key of ['ArrowRight', 'ArrowDown', 'Shift+ArrowRight']) await page.keyboard.press(key);
    await page.keyboard.press('2');
    await page.locator('.review-defects li', { hasText: 'Marked: short' }).waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.board-aim').first().waitFor({ state: 'detached' });
    await page.keyboard.press('s');
    await sitting.until('the last audit', async () => (await shown()) !== second);
    const third = await shown();
    await page.keyboard.press('u');
    await page.getByRole('heading', { name: 'Nothing under “Audit”' }).waitFor();
    const id = (chip: string) => good.find((board) => board.chip === chip)?.id as string;
    const missed = await sitting.until('the missed defect', async () => {
      const { defects, verdict } = await read(id(second));
      return verdict === 'fail' && defects?.find(({ source }) => source === 'person');
    });
    assert.equal(missed.class, 'short');
    assert.deepEqual([missed.box?.width, missed.box?.height], [36, 32]);
    assert.equal((await read(id(first))).verdict, 'pass');
    assert.equal((await read(id(third))).verdict, 'pass');
  });

  test('the counts on the page of the model are the verdicts that were said', async () => {
    const { page } = sitting;
    const said = TWENTY.flatMap((planned) => (planned.kind === 'findings' ? planned.say : []));
    const count = (what: string) => said.filter((one) => one === what).length;
    const wanted = {
      reviewed: said.length,
      confirmed: count('confirm'),
      reclassified: count('spur'),
      false_calls: count('reject'),
      audited: 2,
      cannot_tell: 1,
      escapes: 1,
      missed: 1,
    };
    await sitting.open('/models/pcb-pair-synth?tab=quality');
    const figures = page.locator('[data-figure]');
    await figures.first().waitFor();
    const shownFigures = async () =>
      Object.fromEntries(
        await figures.evaluateAll((all) =>
          all.map((one) => [one.getAttribute('data-figure') ?? '', Number(one.querySelector('dd')?.textContent ?? Number.NaN)]),
        ),
      ) as Record<string, number>;
    // The measuring follows the verdicts by a moment, and the page reads it again by itself.
    await sitting
      .until('the figures', async () => {
        const now = await shownFigures();
        return Object.entries(wanted).every(([name, value]) => now[name] === value);
      })
      .catch(async () => assert.deepEqual(await shownFigures(), wanted));
    const cell = (place: string) => page.locator(`[data-cell="${place}"]`).innerText();
    assert.equal(Number(await cell('open open')), count('confirm'));
    assert.equal(Number(await cell('spur open')), count('spur'));
    assert.equal(Number(await cell('nothing_there open')), count('reject'));
    assert.equal(Number(await cell('short missed')), 1);
    // A rate is a range with its denominator; what nobody looked at says so and is no 0 %.
    const row = (name: string) => page.locator(`[data-group="${name}"]`).innerText();
    assert.match(await row('open'), new RegExp(`\\(${count('reject')} of ${said.length}\\)`));
    assert.match(await row('pin_hole'), /none reviewed yet/);
  });

  test('where two versions disagree the reviewer says by one key which is right', async () => {
    const { page } = sitting;
    const stage = { stage: 'shadow', reason: 'measured beside production first' };
    await sitting.api('/v1/models/pcb-pair-synth/versions/2/stage', 'POST', stage);
    const plans = Array.from({ length: 4 }, () => ({ kind: 'findings' as const, say: ['confirm' as const] }));
    const ids = new Set((await seedWaiting(sitting.station, plans, 'LOT-2026-703')).map(({ id }) => id));
    const waiting = async () => (await sitting.api<{ data: ReviewItem[] }>('/v1/review-queue?kind=disagreement')).data;
    await sitting.until('the disagreements', async () => (await waiting()).filter(({ inspection }) => ids.has(inspection.id)).length === 4);
    const items = new Map((await waiting()).map((item) => [item.inspection.chip_id, item.disagreement?.id]));
    await sitting.open('/review?kind=disagreement');
    const said = new Map<string | undefined, string>();
    let missedOn = '';
    for (const [key, right] of [
      ['p', 'production'],
      ['c', 'candidate'],
      ['n', 'neither'],
      ['u', 'cannot_tell'],
    ] as const) {
      const chip = await sitting.until('the next board', async () => {
        const now = await shown();
        return !said.has(items.get(now)) && now;
      });
      said.set(items.get(chip), right);
      await page.locator('.desk-head', { hasText: 'Version 2 (Shadow) and version 1 (production) differ in 1 call' }).waitFor();
      await page.locator('.review-defects li', { hasText: 'production: nothing there, candidate: open 0.44' }).waitFor();
      if (key === 'p') assert.deepEqual(await axeFaults(sitting, ['/review?kind=disagreement'], () => page.waitForTimeout(700)), []);
      await page.locator('.desk-head h2', { hasText: chip }).waitFor();
      if (key === 'c') {
        missedOn = chip;
        await page.keyboard.press('m');
        await page.locator('.board-aim').first().waitFor();
        for (const move of ['ArrowLeft', 'ArrowDown']) await page.keyboard.press(move);
        await page.keyboard.press('2');
        await page.locator('.review-defects li', { hasText: 'Marked: short' }).waitFor();
        await page.keyboard.press('Escape');
        await page.locator('.board-aim').first().waitFor({ state: 'detached' });
      }
      await page.keyboard.press(key);
      if (key === 'c') await page.locator('.undo-bar', { hasText: 'Candidate is right; 1 missed defect' }).waitFor();
    }
    await page.getByRole('heading', { name: 'Nothing under “Disagreement”' }).waitFor();
    const settled = await sitting.until('all to be settled', async () => {
      const { data } = await sitting.api<{ data: Disagreement[] }>('/v1/models/pcb-pair-synth/disagreements?state=settled');
      return data.length === 4 && data;
    });
    assert.deepEqual(new Map(settled.map(({ id, right }) => [id, right])), said);
    const { data: ofChip } = await sitting.api<{ data: Inspection[] }>(`/v1/inspections?chip_id=${missedOn}`);
    const missed = await sitting.until('the missed defect', async () =>
      (await read(String(ofChip[0]?.id))).defects?.find(({ source }) => source === 'person'),
    );
    assert.deepEqual([missed.class, missed.state], ['short', 'confirmed']);
    await sitting.open('/models/pcb-pair-synth?tab=quality');
    const figure = (name: string) => page.locator(`[data-figure="${name}"] dd`).innerText();
    await sitting.until('the figure', async () => (await figure('missed')) === '2');
    assert.equal(await figure('escapes'), '1', 'the one of the audits: what is found at a disagreement is no escape of the rate');
    assert.equal(await page.locator('[data-cell="short missed"]').innerText(), '2');
    await sitting.until('the queue to know', async () => (await waiting()).length === 0);
    await sitting.api('/v1/models/pcb-pair-synth/versions/2/stage', 'POST', { stage: 'retired', reason: 'it was a test' });
  });

  test('Escape leaves the review, and ? shows its keys', async () => {
    const { page } = sitting;
    await seedWaiting(
      sitting.station,
      [
        { kind: 'findings', say: ['confirm', 'reject'] },
        { kind: 'hand', say: 'pass' },
      ],
      'LOT-2026-702',
    );
    await sitting.open('/review?kind=waiting');
    await page.locator('.desk-head h2').waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.waitForTimeout(500);
    assert.equal(new URL(page.url()).pathname, '/review', 'the key was the dialog’s');
    await page.keyboard.press('Escape');
    await page.waitForURL((url) => url.pathname === '/');
  });

  test('a missed defect is set down with the mouse alone, also where single keys are switched off', async () => {
    const { page } = sitting;
    await goodBoards(sitting.station, 1, 'LOT-2026-705');
    await page.evaluate(() => localStorage.setItem('cqp.keys', 'off'));
    await sitting.until('the audit', async () => (await sitting.api<{ data: unknown[] }>('/v1/review-queue?kind=audit')).data.length > 0);
    await sitting.open('/review?kind=audit');
    await page.locator('.board-four canvas').waitFor();
    await page.getByRole('button', { name: 'Mark what was missed' }).click();
    const pad = page.locator('.aim-pad');
    const place = () => page.locator('.desk-board .board-port[tabindex="0"]').getAttribute('data-view');
    await pad.waitFor();
    const before = await place();
    await pad.getByRole('button', { name: 'Move the frame to the right' }).click();
    await sitting.until('the picture to move', async () => (await place()) !== before);
    await pad.getByRole('button', { name: 'Make the frame wider' }).click();
    assert.deepEqual((await new AxeBuilder({ page }).include('.aim-pad').analyze()).violations, []);
    await pad.getByRole('button', { name: 'It is: short' }).click();
    const marked = page.locator('.review-defects li', { hasText: 'Marked: short' });
    await marked.waitFor();
    await pad.getByRole('button', { name: 'End marking' }).click();
    await pad.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Take back the last mark' }).click();
    await marked.waitFor({ state: 'detached' });
    await page.evaluate(() => localStorage.removeItem('cqp.keys'));
  });

  test('axe finds nothing serious on the desk and on the figures, light and dark, at 1280 and at 390 pixels', async () => {
    await seedWaiting(
      sitting.station,
      [
        { kind: 'findings', say: ['confirm', 'reject'] },
        { kind: 'hand', say: 'pass' },
      ],
      'LOT-2026-702',
    );
    const found = await axeFaults(sitting, ['/review?kind=waiting', '/review?kind=audit'], () => sitting.page.waitForTimeout(700));
    assert.deepEqual(found, []);
  });

  test('in German, whose words are longer, no key is cut and no label leaves its picture', async () => {
    const { page } = sitting;
    await goodBoards(sitting.station, 1, 'LOT-2026-704');
    await page.evaluate(() => localStorage.setItem('cqp.language', 'de'));
    for (const width of [1280, 360]) {
      await page.setViewportSize({ width, height: 844 });
      for (const kind of ['waiting', 'audit']) {
        await sitting.open(`/review?kind=${kind}`);
        await page.locator('.key-pad button', { hasText: 'Nicht zu entscheiden' }).waitFor();
        const cut = await page
          .locator('.key-pad button')
          .evaluateAll((keys) =>
            keys
              .filter((key) =>
                [key, ...key.querySelectorAll('*')].some((one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0),
              )
              .map((key) => key.textContent),
          );
        assert.deepEqual(cut, [], `${kind} ${width}`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(wide <= 0, `${kind} ${width}: ${wide} px wider than the screen`);
        if (kind === 'waiting') {
          await page.locator('.frame-plate').first().waitFor();
          const out = await page.locator('.frame-plate').evaluateAll(
            (plates) =>
              plates.filter((plate) => {
                const [at, port] = [plate.getBoundingClientRect(), plate.closest('.board-port')?.getBoundingClientRect()];
                return !port || at.left < port.left - 1 || at.right > port.right + 1;
              }).length,
          );
          assert.equal(out, 0, `${width}`);
        }
      }
    }
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.evaluate(() => localStorage.removeItem('cqp.language'));
  });

  test('no page threw', () => {
    // A map that is asked for while another one is drawn is answered 503 and asked for again; the browser writes that down.
    assert.deepEqual(
      sitting.faults.filter((fault) => !/ 503 .*\/heat$/.test(fault)),
      [],
    );
  });
});
