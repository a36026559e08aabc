import { Button, Textarea } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, type SubmitEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Dialog } from './dialog.tsx';
import { ProblemText } from './problem-text.tsx';
import { fieldFaults } from './problem-words.ts';

interface ReasonDialogProps {
  title: string;
  means?: string | undefined;
  /** Word of the button that does it. */
  act: string;
  label: string;
  minLength?: number;
  maxLength: number;
  /** What else is asked, above the reason; given what is wrong with each of `fields`. */
  children?: ReactNode | ((faults: Readonly<Record<string, string>>) => ReactNode);
  /** What a person can do about a refusal, below it. */
  wayOut?(error: unknown): ReactNode;
  /** Fields of the request that `children` asks for, and whose faults it shows. */
  fields?: readonly string[];
  /** Sends it; `key` makes a repeated sending have one effect. What it throws is told, and the dialog stays. */
  send(reason: string, key: string): Promise<void>;
  onClose(): void;
}

/** What the platform calls the field that is asked for here. */
const REASON = ['reason', 'note'];

/** A decision that is kept for ever with its reason. */
export function ReasonDialog(props: ReasonDialogProps) {
  const { title, means, act, label, minLength = 3, maxLength, children, wayOut, fields = [], send, onClose } = props;
  const { t } = useTranslation();
  const queries = useQueryClient();
  // One key for as long as the dialog is open: the change may have been made although its answer was lost or was a fault, and pressing again must not
  // make it twice. The platform keeps no key of what it refused, so that a key is as good after a refusal as before.
  const [key] = useState(() => crypto.randomUUID());
  const [state, set] = useState<{ busy: boolean; error: unknown }>({ busy: false, error: null });

  const faults = fieldFaults(t, state.error);

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
      set({ busy: false, error });
    }
  }

  return (
    <Dialog title={title} onClose={onClose}>
      {means ? <p>{means}</p> : null}
      <form onSubmit={(event) => void submit(event)}>
        {typeof children === 'function' ? children(faults) : children}
        <Textarea
          name="reason"
          label={label}
          error={faults.reason ?? faults.note}
          description={t('model.reason_help')}
          rows={3}
          minLength={minLength}
          maxLength={maxLength}
          required
          data-autofocus
        />
        {state.error ? (
          <div role="alert">
            <p className="tone-wrong">
              <ProblemText error={state.error} shown={[...REASON, ...fields]} />
            </p>
            {wayOut?.(state.error)}
          </div>
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
