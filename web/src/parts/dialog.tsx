import { Modal } from '@mantine/core';
import { type ReactNode, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { focusHeading } from '../app/focus.ts';

/** A question that is answered before anything else: it keeps the focus, closes with Escape and gives the focus back. */
export function Dialog({ title, onClose, children }: { title: string; onClose(): void; children: ReactNode }) {
  const { t } = useTranslation();
  // Mantine gives it back when a dialog closes, not when it is taken away; and then it has not seen who had it.
  const [before] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      if (!(before instanceof HTMLElement) || before === document.body) return;
      // What opened it may be gone with what was done.
      if (before.isConnected) before.focus({ preventScroll: true });
      else focusHeading();
    },
    [before],
  );
  return (
    <Modal opened onClose={onClose} title={title} size="lg" closeButtonProps={{ 'aria-label': t('act.close') }}>
      <div className="dialog-body">{children}</div>
    </Modal>
  );
}
