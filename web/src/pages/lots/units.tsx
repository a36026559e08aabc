import { useTranslation } from 'react-i18next';
import type { Inspection } from '../../../../src/contracts/inspections.ts';
import { Link } from '../../app/link.tsx';
import { type InspectionState, stateOf } from '../../parts/inspection-state.ts';
import { Mark, type Shape } from '../../parts/marks.tsx';
import { toneOf } from '../../parts/state.tsx';

const RANK: Record<InspectionState, number> = {
  fail: 7,
  failed: 6,
  awaiting_review: 5,
  inconclusive: 4,
  in_progress: 3,
  pending: 2,
  cancelled: 1,
  pass: 0,
};
const SHAPES: Partial<Record<InspectionState, Shape>> = {
  fail: 'fail',
  failed: 'fail',
  awaiting_review: 'waiting',
  inconclusive: 'inconclusive',
  in_progress: 'running',
  pending: 'pending',
  cancelled: 'cancelled',
};

/** One square a unit, in the order in which they came: where in the lot the fails are is seen at once. */
export function LotUnits({ rows, total }: { rows: readonly Inspection[]; total: number }) {
  const { t } = useTranslation();
  const units = new Map<string, Inspection>();
  const settled = new Set<string>();
  for (const row of rows) {
    // Newest first: only the last attempt of each type speaks for a unit.
    const attempt = `${row.chip_id} ${row.inspection_type}`;
    if (settled.has(attempt)) continue;
    settled.add(attempt);
    const known = units.get(row.chip_id);
    if (!known || RANK[stateOf(row)] > RANK[stateOf(known)]) units.set(row.chip_id, row);
  }
  return (
    <section className="panel" aria-labelledby="units">
      <h2 id="units">
        {t('lots.units')} <span className="count">{units.size}</span>
      </h2>
      {rows.length < total ? <p className="quiet">{t('lots.units_some', { shown: rows.length, total })}</p> : null}
      <ul className="unit-map">
        {[...units].reverse().map(([chip, row]) => {
          const state = stateOf(row);
          const shape = SHAPES[state];
          return (
            <li key={chip}>
              <Link
                to="/inspections/$id"
                params={{ id: row.id }}
                className={`unit tone-${toneOf(state)}`}
                aria-label={`${chip} ${t(`state.${state}`)}`}
                title={`${chip} · ${t(`state.${state}`)}`}
              >
                {shape ? <Mark shape={shape} /> : null}
              </Link>
            </li>
          );
        })}
      </ul>
      <p className="unit-key quiet">
        {(['pass', 'fail', 'awaiting_review', 'inconclusive', 'in_progress'] as const).map((state) => (
          <span key={state}>
            <span className={`unit tone-${toneOf(state)}`}>{SHAPES[state] ? <Mark shape={SHAPES[state]} /> : null}</span>{' '}
            {t(`state.${state}`)}
          </span>
        ))}
      </p>
    </section>
  );
}
