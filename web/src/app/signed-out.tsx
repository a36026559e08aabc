import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Notice } from '../parts/notice.tsx';
import type { Session } from '../session/session.ts';

/** After signing out, or when the provider could not be reached. */
export function SignedOut({ session, error }: { session: Session; error?: unknown }) {
  const { t } = useTranslation();
  return (
    <main className="signed-out">
      <Notice shape={error ? 'fail' : 'open'} title={t(error ? 'sign_in.failed' : 'sign_in.out')}>
        {error ? <p className="quiet">{error instanceof Error ? error.message : String(error)}</p> : null}
        <Button onClick={() => void session.signIn()} variant="filled">
          {t('sign_in.again')}
        </Button>
      </Notice>
    </main>
  );
}
