import { Checkbox, Kbd } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Dialog } from '../parts/dialog.tsx';
import { keysOn, switchKeys, useKeyGroups } from './keys.ts';

const shown = (key: string) => key.replace('Shift+', '⇧').replace('Enter', '↵').toUpperCase();

export function KeysDialog({ onClose }: { onClose(): void }) {
  const { t } = useTranslation();
  const groups = useKeyGroups();
  const titles = [...new Set(groups.map((group) => group.title))];
  const [on, set] = useState(keysOn);
  return (
    <Dialog title={t('key.all')} onClose={onClose}>
      <div className="keys">
        {titles.map((title) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {[
                ...new Map(
                  groups.filter((group) => group.title === title).flatMap((group) => group.keys.map((key) => [key.key, key.word] as const)),
                ),
              ].map(([key, word]) => (
                <div key={key}>
                  <dt>
                    <Kbd>{shown(key)}</Kbd>
                  </dt>
                  <dd>{word}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <Checkbox
        label={t('key.switch')}
        checked={on}
        onChange={(event) => {
          switchKeys(event.currentTarget.checked);
          set(event.currentTarget.checked);
        }}
      />
    </Dialog>
  );
}
