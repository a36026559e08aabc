import { Button } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { usePlatform } from '../api/context.ts';

function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** The list as a file, with the filters that it is shown with, and on paper. */
export function Export({ path, query, name }: { path: string; query: Record<string, string | undefined>; name: string }) {
  const { t } = useTranslation();
  const { api } = usePlatform();
  const [state, set] = useState<'idle' | 'busy' | 'failed'>('idle');

  async function download(): Promise<void> {
    set('busy');
    try {
      save(await api.blob(path, { accept: 'text/csv', query }), `${name}.csv`);
      set('idle');
    } catch {
      set('failed');
    }
  }

  return (
    <span className="export no-print">
      <Button disabled={state === 'busy'} onClick={() => void download()}>
        {state === 'busy' ? t('act.exporting') : state === 'failed' ? t('act.export_failed') : t('act.export')}
      </Button>
      <Button onClick={() => window.print()}>{t('act.print')}</Button>
    </span>
  );
}
