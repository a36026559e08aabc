import { Button, Textarea } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, type SubmitEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiProblem } from '../api/client.ts';
import { Dialog } from './dialog.tsx';

interface ReasonDialogProps {
  title: string;
  means?: string | undefined;
  /** Word of the button that does it. */
  act: string;
  label: string;
  minLength?: number;
  maxLength: number;
  /** What else is asked, above the reason. */
  children?: ReactNode;
  /** Sends it; `key` makes a repeated sending have one effect. What it throws is told, and the dialog stays. */
  send(reason: string, key: string): Promise<void>;
  onClose(): void;
}

/** A decision that is kept for ever with its reason. */
export function ReasonDialog({ title, means, act, label, minLength = 3, maxLength, children, send, onClose }: ReasonDialogProps) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  // One key for as long as the dialog is open: the change may have been made although its answer was lost or was a fault, and pressing again must not
  // make it twice. The platform keeps no key of what it refused, so that a key is as good after a refusal as before.
  const [key] = useState(() => crypto.randomUUID());
  const [state, set] = useState<{ busy: boolean; error: string | null }>({ busy: false, error: null });

  async function submit(event: SubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const reason = String(new FormData(event.currentTarget).get('reason')).trim();
    if (!reason) return;
    set({ busy: true, error: null });
    try {
      await send(reason, key);
      onClose();
    } catch (error) {
      // What the page shows may be out of date: that is why it was refused, or it was done and the answer lost.
      void queries.invalidateQueries();
      const words =
        error instanceof ApiProblem && error.code === 'idempotency_mismatch'
          ? t('problem.made_before')
          : error instanceof ApiProblem && error.details.length > 0
            ? error.details.map(({ message }) => message).join('; ')
            : error instanceof Error
              ? error.message
              : String(error);
      set({ busy: false, error: words });
    }
  }

  return (
    <Dialog title={title} onClose={onClose}>
      {means ? <p>{means}</p> : null}
      <form onSubmit={(event) => void submit(event)}>
        {children}
        <Textarea
          name="reason"
          label={label}
          description={t('model.reason_help')}
          rows={3}
          minLength={minLength}
          maxLength={maxLength}
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
            {act}
          </Button>
          <Button onClick={onClose}>{t('act.cancel')}</Button>
        </p>
      </form>
    </Dialog>
  );
}
