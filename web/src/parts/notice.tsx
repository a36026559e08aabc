import { Skeleton as Box, Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiProblem } from '../api/client.ts';
import { Mark, type Shape } from './marks.tsx';
import { ProblemText } from './problem-text.tsx';

/** A designed state of a page or a part of it: nothing there, not allowed, failed. */
export function Notice({ shape, title, children }: { shape: Shape; title: string; children?: ReactNode }) {
  return (
    <div className="notice">
      <Mark shape={shape} />
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Says what happened, what it means for the line, and what to do; `children` is what else may be done. */
export function Failed({ error, retry, children }: { error: unknown; retry?: () => void; children?: ReactNode }) {
  const { t } = useTranslation();
  const problem = error instanceof ApiProblem ? error : null;
  const kind =
    problem?.status === 0
      ? 'unreachable'
      : problem?.status === 401
        ? 'unauthorized'
        : problem?.status === 403
          ? 'forbidden'
          : problem?.status === 404
            ? 'not_found'
            : (problem?.status ?? 500) >= 500
              ? 'server'
              : 'other';
  return (
    <div role="alert">
      <Notice shape={kind === 'forbidden' ? 'cancelled' : 'fail'} title={t(`problem.${kind}.title`)}>
        <p>{t(`problem.${kind}.means`)}</p>
        {problem && kind === 'other' ? (
          <p>
            <ProblemText error={problem} />
          </p>
        ) : null}
        {problem?.requestId ? <p className="quiet mono">{t('problem.request', { id: problem.requestId })}</p> : null}
        {retry && kind !== 'forbidden' && kind !== 'not_found' ? <Button onClick={retry}>{t('act.retry')}</Button> : null}
        {children}
      </Notice>
    </div>
  );
}

/** Grey bars of the size of what comes. */
export function Skeleton({ rows = 8, height = 36 }: { rows?: number; height?: number }) {
  const { t } = useTranslation();
  return (
    <div role="status" aria-label={t('act.loading')} className="skeleton">
      {Array.from({ length: rows }, (_, row) => row).map((row) => (
        <Box key={row} height={height} />
      ))}
    </div>
  );
}
