import { Button } from '@mantine/core';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Candidate } from '../../../../src/contracts/inference.ts';
import type { Disagreement, SettleRequest } from '../../../../src/contracts/models.ts';
import { useMay, usePlatform } from '../../api/context.ts';
import { settle } from '../../api/model-changes.ts';
import { useModelReads } from '../../api/model-reads.ts';
import { Link } from '../../app/link.tsx';
import { Age } from '../../parts/age.tsx';
import { Failed } from '../../parts/notice.tsx';
import { useFormats } from '../../words/index.ts';

const RIGHT = ['production', 'candidate', 'neither'] as const;
/** Differences of one board that are told in words; the board itself shows them all. */
const TOLD = 4;

/** Boards that two versions called otherwise: a person says who is right. */
export function Disagreements({ model }: { model: string }) {
  const { t } = useTranslation();
  const reads = useModelReads();
  const { data, error, refetch, hasNextPage, fetchNextPage } = useInfiniteQuery(reads.disagreements(model, 'open'));
  const rows = data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <section className="panel" aria-labelledby="to-settle">
      <h2 id="to-settle">{t('comparison.open_list')}</h2>
      {error ? <Failed error={error} retry={() => void refetch()} /> : null}
      {data && rows.length === 0 ? <p className="quiet">{t('comparison.no_open')}</p> : null}
      <ul className="disagreements">
        {rows.map((row) => (
          <Row key={row.id} row={row} />
        ))}
      </ul>
      {hasNextPage ? <Button onClick={() => void fetchNextPage()}>{t('list.more')}</Button> : null}
    </section>
  );
}

function Row({ row }: { row: Disagreement }) {
  const { t, i18n } = useTranslation();
  const format = useFormats();
  const { api } = usePlatform();
  const queries = useQueryClient();
  const may = useMay('defects:review');
  const [state, set] = useState<{ busy: boolean; error: string | null }>({ busy: false, error: null });
  const call = (candidate: Candidate | null) =>
    candidate === null
      ? t('comparison.nothing')
      : `${i18n.exists(`defect.${candidate.class}`) ? t(`defect.${candidate.class}`) : candidate.class} ${format.score(candidate.score)}`;

  async function say(right: SettleRequest['right']): Promise<void> {
    set({ busy: true, error: null });
    try {
      await settle(api, row.id, { right }, crypto.randomUUID());
      await queries.invalidateQueries({ queryKey: ['models', row.model] });
    } catch (error) {
      set({ busy: false, error: error instanceof Error ? error.message : String(error) });
    }
  }

  return (
    <li>
      <Link to="/inspections/$id" params={{ id: row.inspection_id }}>
        {row.lot_id}, {row.station_id ?? '-'}
      </Link>
      <span className="quiet">
        <Age at={row.created_at} /> · {t('comparison.decided_by', { who: t(`comparison.${row.decided_by}`) })}
      </span>
      <ul>
        {row.differences.slice(0, TOLD).map((one, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: differences of a disagreement never change
          <li key={i}>{t('comparison.says', { production: call(one.production), candidate: call(one.candidate) })}</li>
        ))}
        {row.differences.length > TOLD ? <li className="quiet">+ {row.differences.length - TOLD}</li> : null}
      </ul>
      {may ? (
        <fieldset disabled={state.busy}>
          <legend className="sr">{t('comparison.right')}</legend>
          {RIGHT.map((right) => (
            <Button
              key={right}
              aria-label={t('comparison.right_for', { who: t(`comparison.right_${right}`), board: row.lot_id })}
              onClick={() => void say(right)}
            >
              {t(`comparison.right_${right}`)}
            </Button>
          ))}
        </fieldset>
      ) : null}
      {state.error ? (
        <p role="alert" className="tone-wrong">
          {state.error}
        </p>
      ) : null}
    </li>
  );
}
