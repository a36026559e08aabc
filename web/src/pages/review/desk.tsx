import { Button, Kbd, TextInput } from '@mantine/core';
import { useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Inspection } from '../../../../src/contracts/inspections.ts';
import type { SettleRequest } from '../../../../src/contracts/models.ts';
import type { InspectionReview, LookOutcome, ReviewItem } from '../../../../src/contracts/review.ts';
import type { Decision } from '../../api/changes.ts';
import { useMay } from '../../api/context.ts';
import { type Key, useKeys } from '../../app/keys.ts';
import { Link } from '../../app/link.tsx';
import type { BoardMode } from '../../board/board-view.tsx';
import type { Choice } from '../../decisions/outbox.ts';
import { saidWords } from '../../decisions/words.ts';
import { Age } from '../../parts/age.tsx';
import { Mark } from '../../parts/marks.tsx';
import { whyOf } from '../../parts/reason.ts';
import { useFormats } from '../../words/index.ts';
import { ChoiceRow, KeyPad } from './choices.tsx';
import { auditKeys, choiceOf, defectKeys, handKeys, repeatKeys, withDecisions } from './defect-keys.ts';
import { Panes } from './panes.tsx';
import { Differences, settleKeys, useDifferences } from './settle.tsx';
import { placeOf } from './stand.ts';
import type { Marked } from './use-aim.tsx';
import type { Draft } from './use-sitting.ts';

/** Differences that are read aloud; the list has them all. */
const SAID = 3;

interface DeskProps {
  item: ReviewItem;
  /** Why nothing can be said of it here any more. */
  gone: string | null;
  draft: Draft;
  onDraft(change: (draft: Draft) => Draft): void;
  /** Which of how many, from 1; null for a board that is not in what was read of the queue. */
  place: { index: number; count: number } | null;
  /** The record with its pictures, once it is read. */
  full: Inspection | undefined;
  decided: ReadonlyMap<string, Choice>;
  mode: BoardMode;
  onMode(mode: BoardMode): void;
  /** `last` when nothing of this board is left to decide. */
  onDecide(choice: Choice, last: boolean): void;
  onGo(by: number): void;
  onLeave(): void;
  /** What a screen reader should hear of now. */
  onSay(words: string): void;
}

/** One waiting board and everything that is needed to decide it. */
export function Desk(props: DeskProps) {
  const { item, gone, draft, onDraft, place, full, decided, mode, onMode, onDecide, onGo, onLeave, onSay } = props;
  const { reason, missed } = draft;
  const { t } = useTranslation();
  const format = useFormats();
  const inspection = full ?? item.inspection;
  const mayJudge = useMay('inspections:write');
  const [picked, pick] = useState<string | null>(null);
  const setMissed = (change: (before: readonly Marked[]) => readonly Marked[]) =>
    onDraft((before) => ({ ...before, missed: change(before.missed) }));
  const [aiming, setAiming] = useState(false);
  const audit = item.kind === 'audit';
  const { disagreement, repeat } = item;
  const differences = useDifferences(disagreement);
  const about = { inspection: inspection.id, item: placeOf(item) };

  const defects = useMemo(
    () =>
      (full?.defects ?? item.defects)
        // The second of two reviewers says what they see themselves: what the first marked is not shown.
        .filter(({ source }) => repeat?.turn !== 'second' || source !== 'person')
        .sort((a, b) => (b.score ?? 1) - (a.score ?? 1)),
    [full?.defects, item.defects, repeat?.turn],
  );
  // Findings of a board that two versions call otherwise, or that is looked at again, are decided where it stands for them.
  const left = defects.filter((defect) => !disagreement && !repeat && defect.state === 'proposed' && !decided.has(defect.id));
  const current = left.find((defect) => defect.id === picked) ?? left[0] ?? null;
  const shown = withDecisions(defects, decided);
  const why = whyOf(t, item);

  const words = [
    place
      ? t('review.say_board', { chip: inspection.chip_id, index: place.index, count: place.count, why })
      : t('review.say_board_alone', { chip: inspection.chip_id, why }),
    current
      ? t('review.say_finding', {
          index: defects.indexOf(current) + 1,
          count: defects.length,
          name: [current.characteristic, t(`defect.${current.class}`)].filter(Boolean).join(' '),
          severity: t(`severity.${current.severity}`),
          score: format.score(current.score),
        })
      : t(`review.none_${item.kind}`),
    ...differences.words.slice(0, SAID).map((one) => `${one}.`),
    ...missed.slice(-1).map(({ class: name }) => t('review.marked', { name: t(`defect.${name}`) })),
  ].join(' ');
  useEffect(() => onSay(words), [words, onSay]);

  function decide(decision: Decision): void {
    if (!current) return;
    const next = left[left.indexOf(current) + 1] ?? left.find((defect) => defect !== current);
    pick(next?.id ?? null);
    onDecide(choiceOf(current, decision, about.item), left.length === 1 && !audit);
  }
  function all(decision: 'confirm' | 'reject'): void {
    for (const defect of left) onDecide(choiceOf(defect, { decision }, about.item), defect === left.at(-1) && !audit);
  }
  function judge(verdict: 'pass' | 'fail' | 'inconclusive'): void {
    const said = reason.trim() || t(`review.reason_${verdict}`);
    onDecide({ kind: 'verdict', ...about, of: inspection, verdict, reason: said }, true);
  }
  const look = (review: InspectionReview) => onDecide({ kind: 'look', ...about, of: inspection, review }, true);
  function say(right: SettleRequest['right']): void {
    if (!disagreement) return;
    const review: InspectionReview = { at: 'disagreement', outcome: 'disagrees', missed: [...missed] };
    const found = missed.length > 0 ? { review, key: crypto.randomUUID() } : null;
    onDecide({ kind: 'settle', ...about, of: disagreement, right, missed: found }, true);
  }
  const mark = () => setAiming((before) => !before);
  const standing = defects.some(({ source, state }) => source === 'person' && state === 'confirmed');
  function again(outcome: LookOutcome): void {
    if (!repeat) return;
    const found = outcome === 'disagrees' && missed.length > 0 ? { missed: [...missed] } : {};
    onDecide({ kind: 'repeat', ...about, of: repeat, review: { outcome, ...found } }, true);
  }
  const step = (by: number) => {
    const next = left[(current ? left.indexOf(current) : -1) + by];
    if (next) pick(next.id);
    else onGo(by);
  };

  const asked: Key[] = [
    ...(current && !aiming
      ? [
          ...defectKeys(t, current, decide),
          { key: 'Shift+c', word: t('review.confirm_all'), run: () => all('confirm') },
          { key: 'Shift+r', word: t('review.reject_all'), run: () => all('reject') },
        ]
      : []),
    ...(item.kind === 'waiting' && mayJudge ? handKeys(t, judge, current !== null) : []),
    ...(disagreement ? [...settleKeys(t, say), { key: 'm', word: t('review.mark_missed'), run: mark }] : []),
    ...(repeat
      ? repeatKeys(t, {
          say: again,
          mark: repeat.turn === 'third' ? mark : null,
          missed: repeat.turn === 'second' || standing || missed.length > 0,
        })
      : []),
    ...(audit && inspection.inspection_type === 'visual'
      ? auditKeys(t, {
          agree: () => look({ outcome: 'agrees' }),
          cannotTell: () => look({ outcome: 'cannot_tell' }),
          mark,
          send: missed.length > 0 ? () => look({ outcome: 'disagrees', missed: [...missed] }) : null,
        })
      : []),
    ...(missed.length > 0
      ? [{ key: 'Backspace', word: t('review.take_back'), run: () => setMissed((before) => before.slice(0, -1)) }]
      : []),
  ];
  const keys = gone === null ? asked : [];
  useKeys(t('page.review'), [
    ...keys,
    { key: 'j', word: t('review.next'), run: () => step(1) },
    { key: 'k', word: t('review.previous'), run: () => step(-1) },
    { key: 'Shift+j', word: t('review.next_board'), run: () => onGo(1) },
    { key: 'Shift+k', word: t('review.previous_board'), run: () => onGo(-1) },
    ...(aiming ? [] : [{ key: 'Escape', word: t('review.leave'), run: onLeave }]),
  ]);

  return (
    <>
      <header className="desk-head">
        <h2>
          <Link to="/inspections/$id" params={{ id: inspection.id }}>
            {inspection.chip_id}
          </Link>
        </h2>
        <p className="quiet">
          {inspection.lot_id} · {t(`type.${inspection.inspection_type}`)} · {inspection.station_id} · <Age at={item.waiting_since} />
        </p>
        <p className="review-why">
          <strong title={t(`review.kind_${item.kind}_means`)}>{t(`review.kind_${item.kind}`)}:</strong> {why}
        </p>
        {gone === null ? null : (
          <p role="status" className="desk-gone">
            <Mark shape="waiting" /> {gone} <Button onClick={() => onGo(1)}>{t('review.next_board')}</Button>
          </p>
        )}
      </header>
      <Panes
        inspection={inspection}
        defects={disagreement ? [] : shown}
        extra={differences.marks}
        current={current}
        measurements={full?.measurements ?? []}
        mode={mode}
        onMode={onMode}
        onPick={pick}
        missed={missed}
        aiming={aiming}
        onMark={(marked) => setMissed((before) => [...before, marked])}
        onStop={() => setAiming(false)}
      />
      <div className="desk-findings">
        <ul className="review-defects" aria-label={disagreement ? t('comparison.differs') : t('inspection.defects')}>
          {disagreement ? <Differences words={differences.words} more={disagreement.calls_differ - differences.words.length} /> : null}
          {repeat?.answers.map(({ by, outcome }) => (
            <li key={by} className="whole">
              {t('review.someone_said', { by, said: saidWords(t, outcome) })}
            </li>
          ))}
          {(disagreement ? [] : shown).map((defect) => (
            <ChoiceRow
              key={defect.id}
              defect={defect}
              current={defect.id === current?.id}
              open={left.some((other) => other.id === defect.id)}
              onPick={() => pick(defect.id)}
            />
          ))}
          {missed.map(({ class: name, box }, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: marks are only added and taken from the end
            <li key={i}>
              <span>{t('review.marked', { name: t(`defect.${name}`) })}</span>
              <span className="number">
                {box.x}, {box.y}
              </span>
            </li>
          ))}
          {gone === null && !disagreement && shown.length + missed.length === 0 ? (
            <li className="quiet">{t(`review.none_${item.kind}`)}</li>
          ) : null}
        </ul>
        {aiming ? <p role="status">{t('review.aim')}</p> : null}
        {item.kind === 'waiting' && !current && mayJudge && gone === null ? (
          <TextInput
            label={t('review.reason')}
            value={reason}
            placeholder={t('review.reason_pass')}
            maxLength={1000}
            onChange={(event) => {
              const { value } = event.currentTarget;
              onDraft((before) => ({ ...before, reason: value }));
            }}
            onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
          />
        ) : null}
      </div>
      <div className="desk-keys">
        <KeyPad keys={keys} proposed={current?.class ?? null} />
        <p className="key-line quiet">
          <Kbd>J</Kbd> {t('review.next')} <Kbd>K</Kbd> {t('review.previous')} <Kbd>Z</Kbd> {t('key.undo')} <Kbd>?</Kbd> {t('key.all')}{' '}
          <Kbd>Esc</Kbd> {t('review.leave')}
        </p>
      </div>
    </>
  );
}
