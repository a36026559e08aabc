import { ActionIcon, Button, Kbd } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Key } from '../../app/keys.ts';

const ARROWS: Record<string, string> = { ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓' };
/** `Shift+ArrowLeft` is the arrow to the left, with shift. */
const partsOf = (key: string) => ({ shift: key.startsWith('Shift+'), arrow: ARROWS[key.replace('Shift+', '')] });

/** The keys of the frame as buttons: a missed defect is set down by mouse, by touch, and where single keys are switched off. */
export function AimPad({ keys }: { keys: readonly Key[] }) {
  const { t } = useTranslation();
  const arrows = (shift: boolean) => keys.filter(({ key }) => partsOf(key).arrow && partsOf(key).shift === shift);
  return (
    <fieldset className="aim-pad no-print">
      <legend className="sr">{t('review.mark_missed')}</legend>
      <div>
        {keys
          .filter(({ key }) => /^[1-6]$/.test(key))
          .map(({ key, word, run }) => (
            <Button key={key} onClick={run}>
              <Kbd>{key}</Kbd>&nbsp;{word}
            </Button>
          ))}
      </div>
      {[false, true].map((shift) => (
        <div key={String(shift)}>
          <span className="quiet">{t(shift ? 'review.aim_size' : 'review.aim_move')}</span>
          {arrows(shift).map(({ key, word, run }) => (
            <ActionIcon key={key} variant="default" aria-label={word} title={word} onClick={run}>
              {partsOf(key).arrow}
            </ActionIcon>
          ))}
        </div>
      ))}
      <div>
        {keys
          .filter(({ key }) => key === 'Escape')
          .map(({ key, word, run }) => (
            <Button key={key} onClick={run}>
              <Kbd>Esc</Kbd>&nbsp;{word}
            </Button>
          ))}
      </div>
    </fieldset>
  );
}
