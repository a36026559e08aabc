import { Button, Textarea } from '@mantine/core';
import { type ReactNode, type SubmitEvent, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiProblem } from '../api/client.ts';
import { Dialog } from './dialog.tsx';

interface ReasonDialogProps {
  title: string;
  means?: string | undefined;
  /** Word of the button that does it. */
  act: string;
  label: string;
  maxLength: number;
  /** What else is asked, above the reason. */
  children?: ReactNode;
  /** Sends it; `key` makes a repeated sending have one effect. What it throws is told, and the dialog stays. */
  send(reason: string, key: string): Promise<void>;
  onClose(): void;
}

/** A decision that is kept for ever with its reason. */
export function ReasonDialog({ title, means, act, label, maxLength, children, send, onClose }: ReasonDialogProps) {
  const { t } = useTranslation();
  const key = useRef(crypto.randomUUID());
  const [state, set] = useState<{ busy: boolean; error: string | null }>({ busy: false, error: null });

  async function submit(event: SubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const reason = String(new FormData(event.currentTarget).get('reason')).trim();
    if (!reason) return;
    set({ busy: true, error: null });
    try {
      await send(reason, key.current);
      onClose();
    } catch (error) {
      key.current = crypto.randomUUID();
      const words =
        error instanceof ApiProblem && error.details.length > 0
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
          minLength={3}
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
