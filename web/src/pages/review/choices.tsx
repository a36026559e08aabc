import { Button, Kbd, UnstyledButton } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Defect, DefectClass } from '../../../../src/contracts/defects.ts';
import type { Key } from '../../app/keys.ts';
import { BOARD_CLASSES } from '../../parts/board-classes.ts';
import { useFormats } from '../../words/index.ts';

/** One finding of the board: what it is said to be, and what was decided. */
export function ChoiceRow({ defect, current, open, onPick }: { defect: Defect; current: boolean; open: boolean; onPick(): void }) {
  const { t } = useTranslation();
  const format = useFormats();
  return (
    <li className={current ? 'selected' : undefined} aria-current={current || undefined}>
      <UnstyledButton type="button" className="row-link" disabled={!open} onClick={onPick}>
        {defect.characteristic} {t(`defect.${defect.class}`)}
      </UnstyledButton>
      <span className="quiet">{t(`severity.${defect.severity}`)}</span>
      <span className="number">{format.score(defect.score)}</span>
      <span className={open ? 'tone-person' : 'quiet'}>{t(`defect_state.${defect.state}`)}</span>
    </li>
  );
}

/** The keys as buttons: each does what its key does. */
export function KeyPad({ keys, proposed }: { keys: readonly Key[]; proposed: DefectClass | null }) {
  const main = keys.filter(({ key }) => /^[crpfuamsn]$|^Backspace$/.test(key));
  const classes = keys.filter(({ key }) => /^[1-6]$/.test(key));
  const all = keys.filter(({ key }) => key.startsWith('Shift+'));
  return (
    <div className="key-pad">
      <div className="key-main">
        {main.map(({ key, word, run }) => (
          <Button key={key} onClick={run} size="md">
            <Kbd>{key === 'Backspace' ? '⌫' : key.toUpperCase()}</Kbd> {word}
          </Button>
        ))}
      </div>
      {classes.length > 0 ? (
        <div className="key-classes">
          {classes.map(({ key, word, run }) => (
            <Button key={key} justify="flex-start" className={BOARD_CLASSES[Number(key) - 1] === proposed ? 'is' : ''} onClick={run}>
              <Kbd>{key}</Kbd> {word}
            </Button>
          ))}
        </div>
      ) : null}
      {all.length > 0 ? (
        <div className="key-all">
          {all.map(({ key, word, run }) => (
            <Button key={key} onClick={run} variant="subtle">
              <Kbd>⇧{key.slice(6).toUpperCase()}</Kbd> {word}
            </Button>
          ))}
        </div>
      ) : null}
    </div>
  );
}
