import { Button, Textarea } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type SubmitEvent, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Lot } from '../../../../src/contracts/masterdata.ts';
import { decideLot } from '../../api/changes.ts';
import { ApiProblem } from '../../api/client.ts';
import { useMay, usePlatform } from '../../api/context.ts';
import { Link } from '../../app/link.tsx';
import { Dialog } from '../../parts/dialog.tsx';

/** Hold or release, each with a reason. What stands in the way of a release is said before it is asked for. */
export function LotDecision({ lot }: { lot: Lot }) {
  const { t } = useTranslation();
  const may = useMay('lots:disposition');
  const [asking, ask] = useState<'hold' | 'release' | null>(null);
  if (!may) return null;
  return (
    <span className="decisions no-print">
      {lot.state !== 'held' ? <Button onClick={() => ask('hold')}>{t('lots.hold')}</Button> : null}
      {lot.state !== 'released' ? <Button onClick={() => ask('release')}>{t('lots.release')}</Button> : null}
      {asking ? <Ask key={asking} lot={lot} act={asking} onClose={() => ask(null)} /> : null}
    </span>
  );
}

function Ask({ lot, act, onClose }: { lot: Lot; act: 'hold' | 'release'; onClose(): void }) {
  const { t } = useTranslation();
  const { api } = usePlatform();
  const queries = useQueryClient();
  const key = useRef(crypto.randomUUID());
  const [state, set] = useState<{ busy: boolean; error: string | null }>({ busy: false, error: null });
  const blocked = act === 'release' && lot.counts.awaiting_review > 0;

  async function submit(event: SubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const reason = String(new FormData(event.currentTarget).get('reason')).trim();
    if (!reason) return;
    set({ busy: true, error: null });
    try {
      const next = await decideLot(api, lot, act, reason, key.current);
      queries.setQueriesData({ queryKey: ['lot', lot.lot_id] }, next);
      void queries.invalidateQueries({ queryKey: ['lots'] });
      void queries.invalidateQueries({ queryKey: ['lot', lot.lot_id] });
      onClose();
    } catch (error) {
      const problem = error instanceof ApiProblem ? error : null;
      key.current = crypto.randomUUID();
      void queries.invalidateQueries({ queryKey: ['lot', lot.lot_id] });
      set({ busy: false, error: problem?.status === 412 ? t('lots.changed') : (problem?.message ?? String(error)) });
    }
  }

  return (
    <Dialog title={t(act === 'hold' ? 'lots.hold_title' : 'lots.release_title', { lot: lot.lot_id })} onClose={onClose}>
      <p>{t(act === 'hold' ? 'lots.hold_means' : 'lots.release_means')}</p>
      {blocked ? (
        <p className="tone-person">
          {t('lots.blocked', { count: lot.counts.awaiting_review })}{' '}
          <Link to="/inspections" search={{ lot_id: lot.lot_id, status: 'awaiting_review' }}>
            {t('lots.show_blocked')}
          </Link>
        </p>
      ) : null}
      <form onSubmit={(event) => void submit(event)}>
        <Textarea
          name="reason"
          label={t('lots.reason')}
          description={t('lots.reason_help')}
          rows={3}
          maxLength={1000}
          required
          data-autofocus
        />
        {state.error ? (
          <p role="alert" className="tone-wrong">
            {state.error}
          </p>
        ) : null}
        <p className="dialog-acts">
          <Button type="submit" disabled={state.busy} variant="filled">
            {t(act === 'hold' ? 'lots.hold' : 'lots.release')}
          </Button>
          <Button onClick={onClose}>{t('act.cancel')}</Button>
        </p>
      </form>
    </Dialog>
  );
}
