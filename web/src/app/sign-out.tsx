import { Button } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { usePlatform } from '../api/context.ts';
import { useAllDecisions } from '../decisions/provider.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { useFormats } from '../words/index.ts';

/** How long signing out waits for decisions that are on their way, ms. */
const PATIENCE = 5_000;

/** Signing out takes the right to send with it: decisions go first, and a person is asked before those that cannot be sent are lost. */
export function useSignOut(): { busy: boolean; begin(): void; question: ReactNode } {
  const { t } = useTranslation();
  const format = useFormats();
  const { session } = usePlatform();
  const { sending, unsent, drain, drop } = useAllDecisions();
  const [state, set] = useState<'idle' | 'waiting' | 'asking'>('idle');
  const left = sending.length + unsent.length;

  async function begin(): Promise<void> {
    set('waiting');
    if (!(await drain(PATIENCE))) return set('asking');
    await session.signOut();
  }
  function lose(): void {
    drop();
    void session.signOut();
  }

  return {
    busy: state === 'waiting',
    begin: () => void begin(),
    question:
      state === 'asking' ? (
        <Dialog title={t('menu.sign_out')} onClose={() => set('idle')}>
          <p>{left > 0 ? t('sign_out.unsent_means', { count: left, shown: format.whole(left) }) : t('sign_out.sent')}</p>
          <p className="dialog-acts">
            <Button variant="filled" onClick={() => set('idle')}>
              {t('sign_out.stay')}
            </Button>
            <Button onClick={lose}>{t(left > 0 ? 'sign_out.lose' : 'menu.sign_out')}</Button>
          </p>
        </Dialog>
      ) : null,
  };
}
