import { Button } from '@mantine/core';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Disagreement, SettleRequest } from '../../../../src/contracts/models.ts';
import { settle } from '../../api/changes.ts';
import { useMay, usePlatform } from '../../api/context.ts';
import { useModelReads } from '../../api/model-reads.ts';
import { Link } from '../../app/link.tsx';
import { Age } from '../../parts/age.tsx';
import { useCallWords } from '../../parts/call-words.ts';
import { Failed } from '../../parts/notice.tsx';
import { ProblemText } from '../../parts/problem-text.tsx';

const RIGHT = ['production', 'candidate', 'neither', 'cannot_tell'] as const;
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
  const { t } = useTranslation();
  const call = useCallWords();
  const { api } = usePlatform();
  const queries = useQueryClient();
  const may = useMay('defects:review');
  const board = row.chip_id || row.lot_id;
  const [state, set] = useState<{ busy: boolean; error: unknown }>({ busy: false, error: null });

  async function say(right: SettleRequest['right']): Promise<void> {
    set({ busy: true, error: null });
    try {
      await settle(api, row, right, { key: crypto.randomUUID() });
      await Promise.all([['models', row.model], ['review']].map((queryKey) => queries.invalidateQueries({ queryKey })));
    } catch (error) {
      set({ busy: false, error });
    }
  }

  return (
    <li>
      <Link to="/inspections/$id" params={{ id: row.inspection_id }}>
        {board}
      </Link>
      <span className="quiet">
        {row.lot_id} · {row.station_id ?? '-'} · <Age at={row.created_at} /> ·{' '}
        {t('comparison.decided_by', { who: t(`comparison.${row.decided_by}`) })}
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
              aria-label={
                right === 'cannot_tell'
                  ? t('comparison.cannot_tell_for', { board })
                  : t('comparison.right_for', { who: t(`comparison.right_${right}`), board })
              }
              onClick={() => void say(right)}
            >
              {t(`comparison.right_${right}`)}
            </Button>
          ))}
        </fieldset>
      ) : null}
      {state.error ? (
        <p role="alert" className="tone-wrong">
          <ProblemText error={state.error} />
        </p>
      ) : null}
    </li>
  );
}
