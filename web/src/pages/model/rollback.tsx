import { Button } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMay, usePlatform } from '../../api/context.ts';
import { rollBack } from '../../api/model-changes.ts';
import { useReads } from '../../api/use-reads.ts';
import { ReasonDialog } from '../../parts/reason-dialog.tsx';

/** One step back, for when the line cannot wait. */
export function Rollback({ model }: { model: string }) {
  const { t } = useTranslation();
  const { api } = usePlatform();
  const queries = useQueryClient();
  const may = useMay('inference:manage');
  const { data } = useQuery(useReads().versions(model));
  const production = data?.data.find(({ stage }) => stage === 'production')?.version;
  const [asked, ask] = useState<{ from?: number } | null>(null);
  if (!may) return null;
  return (
    <>
      <Button className="no-print" onClick={() => ask(production === undefined ? {} : { from: production })}>
        {t('model.rollback')}
      </Button>
      {asked ? (
        <ReasonDialog
          title={t('model.rollback_title', { model })}
          means={t('model.rollback_means')}
          act={t('model.rollback')}
          label={t('model.reason')}
          maxLength={500}
          send={async (reason, key) => {
            await rollBack(api, model, { reason, ...asked }, key);
            await queries.invalidateQueries({ queryKey: ['models'] });
          }}
          onClose={() => ask(null)}
        />
      ) : null}
    </>
  );
}
