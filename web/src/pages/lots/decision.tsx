import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Lot } from '../../../../src/contracts/masterdata.ts';
import { decideLot } from '../../api/changes.ts';
import { ApiProblem } from '../../api/client.ts';
import { useMay, useMe, usePlatform } from '../../api/context.ts';
import { Link } from '../../app/link.tsx';
import { ReasonDialog } from '../../parts/reason-dialog.tsx';
import { useFormats } from '../../words/index.ts';
import { ofLot } from './search.ts';

/** Hold or release, each with a reason. Inspections that still wait are told where a release is asked for; what else stands in its way the platform says. */
export function LotDecision({ lot }: { lot: Lot }) {
  const { t } = useTranslation();
  const { api } = usePlatform();
  const queries = useQueryClient();
  const me = useMe();
  const may = useMay('lots:disposition');
  const [asking, ask] = useState<'hold' | 'release' | null>(null);
  if (!may) return null;

  async function send(act: 'hold' | 'release', reason: string, key: string): Promise<void> {
    const next = await decideLot(api, lot, act, reason, key);
    queries.setQueriesData({ queryKey: ['lot', lot.lot_id] }, next);
    for (const queryKey of [['lots'], ['lot', lot.lot_id]]) void queries.invalidateQueries({ queryKey });
  }

  return (
    <span className="decisions no-print">
      {lot.state !== 'held' ? <Button onClick={() => ask('hold')}>{t('lots.hold')}</Button> : null}
      {lot.state !== 'released' ? <Button onClick={() => ask('release')}>{t('lots.release')}</Button> : null}
      {asking ? (
        <ReasonDialog
          key={asking}
          title={t(`lots.${asking}_title`, { lot: lot.lot_id })}
          means={t(`lots.${asking}_means`)}
          act={t(`lots.${asking}`)}
          label={t('lots.reason')}
          minLength={1}
          maxLength={1000}
          send={(reason, key) => send(asking, reason, key)}
          onClose={() => ask(null)}
          wayOut={(error) => (error instanceof ApiProblem && error.code === 'lot_not_releasable' ? <Unsettled lot={lot} /> : null)}
        >
          {asking === 'release' && lot.counts.awaiting_review > 0 ? (
            <p className="tone-person">
              {t('lots.blocked', { count: lot.counts.awaiting_review })}{' '}
              <Link to="/inspections" search={{ ...ofLot(lot, me), status: 'awaiting_review' }}>
                {t('lots.show_blocked')}
              </Link>
            </p>
          ) : null}
        </ReasonDialog>
      ) : null}
    </span>
  );
}

const UNSETTLED = [
  ['awaiting_review', 'status'],
  ['fail', 'verdict'],
  ['in_progress', 'status'],
] as const;

/** The lists in which what stands in the way of a release is found: boards that wait, that failed unreviewed, that are looked at again. */
function Unsettled({ lot }: { lot: Lot }) {
  const { t } = useTranslation();
  const format = useFormats();
  const me = useMe();
  return (
    <ul className="lot-unsettled">
      {UNSETTLED.map(([state, filter]) =>
        lot.counts[state] > 0 ? (
          <li key={state}>
            <Link to="/inspections" search={{ ...ofLot(lot, me), [filter]: state }}>
              {t(`state.${state}`)}: {format.whole(lot.counts[state])}
            </Link>
          </li>
        ) : null,
      )}
    </ul>
  );
}
