import { useQuery } from '@tanstack/react-query';
import { useCallback, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Inspection } from '../../../../src/contracts/inspections.ts';
import { useMay } from '../../api/context.ts';
import { useReads } from '../../api/use-reads.ts';
import { useKeys } from '../../app/keys.ts';
import { Link } from '../../app/link.tsx';
import { useNavigate, useParams, useSearch } from '../../app/router.ts';
import { type BoardMode, BoardView } from '../../board/board-view.tsx';
import { marksOf, weakMarksOf } from '../../board/marks.ts';
import { useBoard } from '../../board/use-board.ts';
import type { View } from '../../board/view.ts';
import { UndoBar } from '../../decisions/bars.tsx';
import { useDecisions } from '../../decisions/provider.tsx';
import { Age } from '../../parts/age.tsx';
import { Failed, Skeleton } from '../../parts/notice.tsx';
import { useFormats } from '../../words/index.ts';
import { KeyPad } from '../review/choices.tsx';
import { choiceOf, defectKeys, withDecisions } from '../review/defect-keys.ts';
import { DefectList } from './defect-list.tsx';
import { Measurements } from './measurements.tsx';
import { ModeBar } from './mode-bar.tsx';
import { Provenance } from './provenance.tsx';
import { RelatedAttempts } from './related.tsx';
import { type InspectionSearch, parseView, viewText } from './search.ts';
import { Timeline } from './timeline.tsx';
import { VerdictPanel } from './verdict.tsx';
import '../review/review.css';
import './inspection.css';

export function InspectionPage() {
  const { id } = useParams() as { id: string };
  const reads = useReads();
  const { data, error, isPending, refetch } = useQuery(reads.inspection(id));
  if (isPending) return <Skeleton rows={3} height={220} />;
  if (!data) return <Failed error={error} retry={() => void refetch()} />;
  return <Shown key={id} inspection={data} />;
}

function Shown({ inspection }: { inspection: Inspection }) {
  const { t } = useTranslation();
  const format = useFormats();
  const navigate = useNavigate();
  const search = useSearch() as InspectionSearch;
  const board = useBoard(inspection, search.mode === 'heat');
  const [flicker, setFlicker] = useState(false);
  const measurements = inspection?.measurements ?? [];
  const decisions = useDecisions();
  const mayReview = useMay('defects:review');
  const defects = useMemo(
    () => withDecisions(inspection.defects ?? [], decisions.decided).sort((a, b) => (b.score ?? 1) - (a.score ?? 1)),
    [inspection.defects, decisions.decided],
  );
  const proposed =
    mayReview && inspection.status !== 'cancelled'
      ? defects.find(({ id, state }) => id === search.defect && state === 'proposed')
      : undefined;
  const run = inspection.inference?.at(-1);
  const marks = useMemo(
    () => [...(search.weak ? weakMarksOf(t, format, run, defects) : []), ...marksOf(t, format, inspection, defects)],
    [t, format, inspection, defects, run, search.weak],
  );
  const view = useMemo(() => parseView(search.view), [search.view]);

  const change = useCallback(
    (next: (search: InspectionSearch) => InspectionSearch) =>
      navigate({ to: '/inspections/$id', params: { id: inspection.id }, search: next, replace: true }),
    [navigate, inspection.id],
  );
  const setView = useCallback(
    (next: View | null) => change(({ view: _view, ...rest }) => (next ? { ...rest, view: viewText(next) } : rest)),
    [change],
  );
  const select = useCallback((defect: string) => change(({ view: _view, ...rest }) => ({ ...rest, defect })), [change]);
  const setMode = (mode: BoardMode) =>
    change(({ mode: _mode, ...rest }) => (mode === 'inspected' || mode === 'four' ? rest : { ...rest, mode }));
  const toggle = (mode: BoardMode) => setMode((search.mode ?? 'inspected') === mode ? 'inspected' : mode);
  const step = (by: number) => {
    const next = defects[(defects.findIndex((defect) => defect.id === search.defect) + by + defects.length) % defects.length];
    if (next) select(next.id);
  };
  const reviewKeys = proposed ? defectKeys(t, proposed, (decision) => decisions.decide(choiceOf(proposed, decision))) : [];
  const weak = () => change(({ weak: was, ...rest }) => (was ? rest : { ...rest, weak: 'on' }));
  useKeys(t('page.inspection'), [
    ...(board.visual
      ? [
          { key: 'f', word: t('key.flicker'), run: () => setFlicker(true), release: () => setFlicker(false) },
          { key: 'd', word: t('key.difference'), run: () => toggle('difference') },
          { key: 's', word: t('key.side'), run: () => toggle('side') },
          { key: 't', word: t('key.template'), run: () => toggle('template') },
          { key: 'h', word: t('key.heat'), run: () => toggle('heat') },
          { key: 'i', word: t('key.inspected'), run: () => setMode('inspected') },
          { key: 'w', word: t('key.weak'), run: weak },
        ]
      : []),
    ...reviewKeys,
    ...(defects.length > 0
      ? [
          { key: 'j', word: t('key.next_defect'), run: () => step(1) },
          { key: 'k', word: t('key.previous_defect'), run: () => step(-1) },
        ]
      : []),
  ]);

  return (
    <div className={`inspection${board.visual ? '' : ' measured'}`}>
      {board.visual ? (
        <section className="inspection-board" aria-label={t('board.section')}>
          <ModeBar
            mode={search.mode ?? 'inspected'}
            modes={['inspected', 'template', 'side', 'difference', 'heat']}
            template={board.template.state}
            onMode={setMode}
            flickerKey="F"
            weak={search.weak === 'on'}
            onWeak={run ? weak : null}
          />
          <BoardView
            {...board}
            marks={marks}
            selected={search.defect ?? null}
            mode={search.mode ?? 'inspected'}
            flicker={flicker}
            view={view}
            onView={setView}
            onSelect={select}
            follow={search.view ? null : (search.defect ?? null)}
          />
        </section>
      ) : null}
      <div className="inspection-side">
        <header className="inspection-head">
          <h1>
            <Link to="/units/$chipId" params={{ chipId: inspection.chip_id }}>
              {inspection.chip_id}
            </Link>
          </h1>
          <p>
            <Link to="/lots/$lotId" params={{ lotId: inspection.lot_id }} search={{ site: inspection.site }}>
              {inspection.lot_id}
            </Link>
            {' · '}
            {t(`type.${inspection.inspection_type}`)} · {inspection.station_id ?? t('wall.no_station')} · <Age at={inspection.created_at} />
            {inspection.attempt > 1 ? ` · ${t('inspection.attempt', { count: inspection.attempt })}` : ''}
          </p>
        </header>
        <VerdictPanel inspection={inspection} />
        {board.visual || defects.length > 0 ? <DefectList defects={defects} selected={search.defect ?? null} onSelect={select} /> : null}
        {proposed ? <KeyPad keys={reviewKeys} proposed={proposed.class} /> : null}
        {(inspection.measurements?.length ?? 0) > 0 || !board.visual ? <Measurements measurements={measurements} /> : null}
        <Timeline inspection={inspection} />
        <Provenance inspection={inspection} />
        <RelatedAttempts inspection={inspection} />
        {mayReview ? <UndoBar waiting={decisions.waiting} onUndo={() => decisions.undo()} /> : null}
      </div>
    </div>
  );
}
