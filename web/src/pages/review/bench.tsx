import { Kbd, TextInput } from '@mantine/core';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Inspection } from '../../../../src/contracts/inspections.ts';
import type { ReviewItem } from '../../../../src/contracts/review.ts';
import type { Decision } from '../../api/changes.ts';
import { useMay } from '../../api/context.ts';
import { type Key, useKeys } from '../../app/keys.ts';
import { Link } from '../../app/link.tsx';
import { type BoardMode, BoardView } from '../../board/board-view.tsx';
import { marksOf } from '../../board/marks.ts';
import { useBoard } from '../../board/use-board.ts';
import type { View } from '../../board/view.ts';
import { Age } from '../../parts/age.tsx';
import { reasonWords } from '../../parts/reason.ts';
import { useFormats } from '../../words/index.ts';
import { Measurements } from '../inspection/measurements.tsx';
import { ModeBar } from '../inspection/mode-bar.tsx';
import { ChoiceRow, KeyPad } from './choices.tsx';
import { choiceOf, defectKeys, withDecisions } from './defect-keys.ts';
import type { Choice } from './outbox.ts';

interface BenchProps {
  item: ReviewItem;
  /** The record with its pictures, once it is read. */
  full: Inspection | undefined;
  decided: ReadonlyMap<string, Choice>;
  mode: BoardMode;
  onMode(mode: BoardMode): void;
  /** `last` when nothing of this board is left to decide. */
  onDecide(choice: Choice, last: boolean): void;
  onUndo(): void;
  onGo(by: number): void;
}

/** One waiting board and everything that is needed to decide it. */
export function Bench({ item, full, decided, mode, onMode, onDecide, onGo }: BenchProps) {
  const { t } = useTranslation();
  const format = useFormats();
  const inspection = full ?? item.inspection;
  const board = useBoard(inspection);
  const measurements = full?.measurements ?? [];
  const mayJudge = useMay('inspections:write');
  const [view, setView] = useState<View | null>(null);
  const [flicker, setFlicker] = useState(false);
  const [picked, pick] = useState<string | null>(null);
  const [reason, setReason] = useState('');

  const defects = useMemo(
    () => [...(full?.defects ?? item.defects)].sort((a, b) => (b.score ?? 1) - (a.score ?? 1)),
    [full?.defects, item.defects],
  );
  const left = defects.filter((defect) => defect.state === 'proposed' && !decided.has(defect.id));
  const current = left.find((defect) => defect.id === picked) ?? left[0] ?? null;
  const shown = withDecisions(defects, decided);
  const marks = marksOf(t, format, { status: 'awaiting_review' }, shown);

  function decide(decision: Decision): void {
    if (!current) return;
    const next = left[left.indexOf(current) + 1] ?? left.find((defect) => defect !== current);
    pick(next?.id ?? null);
    onDecide(choiceOf(current, decision), left.length === 1);
  }
  function all(decision: 'confirm' | 'reject'): void {
    for (const defect of left) onDecide(choiceOf(defect, { decision }), defect === left.at(-1));
  }
  function judge(verdict: 'pass' | 'fail'): void {
    const words = reason.trim() || t(verdict === 'pass' ? 'review.reason_pass' : 'review.reason_fail');
    onDecide(
      { kind: 'verdict', inspection: item.inspection.id, of: { id: inspection.id, version: inspection.version }, verdict, reason: words },
      true,
    );
  }
  const step = (by: number) => {
    const next = left[(current ? left.indexOf(current) : -1) + by];
    if (next) pick(next.id);
    else onGo(by);
  };

  const keys: Key[] = current
    ? [
        ...defectKeys(t, current, decide),
        { key: 'Shift+c', word: t('review.confirm_all'), run: () => all('confirm') },
        { key: 'Shift+r', word: t('review.reject_all'), run: () => all('reject') },
      ]
    : mayJudge
      ? [
          { key: 'p', word: t('review.pass'), run: () => judge('pass') },
          { key: 'x', word: t('review.fail'), run: () => judge('fail') },
        ]
      : [];
  const toggle = (to: BoardMode) => onMode(mode === to ? 'inspected' : to);
  useKeys(t('page.review'), [
    ...keys,
    { key: 'j', word: t('review.next'), run: () => step(1) },
    { key: 'k', word: t('review.previous'), run: () => step(-1) },
    { key: 'Shift+j', word: t('review.next_board'), run: () => onGo(1) },
    { key: 'Shift+k', word: t('review.previous_board'), run: () => onGo(-1) },
    ...(board.visual
      ? [
          { key: 'f', word: t('key.flicker'), run: () => setFlicker(true), release: () => setFlicker(false) },
          { key: 'd', word: t('key.difference'), run: () => toggle('difference') },
          { key: 's', word: t('key.side'), run: () => toggle('side') },
          { key: 't', word: t('key.template'), run: () => toggle('template') },
        ]
      : []),
  ]);

  return (
    <div className="inspection review-bench">
      <section className="inspection-board" aria-label={t('board.section')}>
        {board.visual ? (
          <>
            <ModeBar mode={mode} template={board.template.state} onMode={onMode} />
            <BoardView
              {...board}
              marks={marks}
              selected={current?.id ?? null}
              mode={mode}
              flicker={flicker}
              view={view}
              onView={setView}
              onSelect={pick}
              follow={current?.box ? current.id : null}
            />
          </>
        ) : (
          <Measurements measurements={measurements} />
        )}
      </section>
      <div className="inspection-side">
        <header className="inspection-head">
          <h2>
            <Link to="/inspections/$id" params={{ id: inspection.id }}>
              {inspection.chip_id}
            </Link>
          </h2>
          <p>
            {inspection.lot_id} · {t(`type.${inspection.inspection_type}`)} · {inspection.station_id} · <Age at={item.waiting_since} />
          </p>
        </header>
        <p className="review-why">
          <strong>{t('review.why')}</strong> {reasonWords(t, item.why)}
        </p>
        {shown.length > 0 ? (
          <ul className="review-defects" aria-label={t('inspection.defects')}>
            {shown.map((defect) => (
              <ChoiceRow
                key={defect.id}
                defect={defect}
                current={defect.id === current?.id}
                open={left.some((other) => other.id === defect.id)}
                onPick={() => pick(defect.id)}
              />
            ))}
          </ul>
        ) : null}
        {!current && mayJudge ? (
          <TextInput
            label={t('review.reason')}
            value={reason}
            placeholder={t('review.reason_pass')}
            maxLength={1000}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
        ) : null}
        <KeyPad keys={keys} proposed={current?.class ?? null} />
        <p className="key-line quiet">
          <Kbd>J</Kbd> {t('review.next')} <Kbd>K</Kbd> {t('review.previous')} <Kbd>F</Kbd> {t('key.flicker')} <Kbd>D</Kbd>{' '}
          {t('key.difference')} <Kbd>Z</Kbd> {t('key.undo')} <Kbd>?</Kbd> {t('key.all')}
        </p>
      </div>
    </div>
  );
}
