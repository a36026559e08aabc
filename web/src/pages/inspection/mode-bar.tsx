import { Button, Kbd, SegmentedControl } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Picture } from '../../api/pictures.ts';
import type { BoardMode } from '../../board/board-view.tsx';

const KEYS: Record<BoardMode, string> = { four: '', inspected: 'I', template: 'T', side: 'S', difference: 'D', heat: 'H' };
const NEEDS_TEMPLATE: readonly BoardMode[] = ['template', 'side', 'difference'];

interface ModeBarProps {
  mode: BoardMode;
  modes: readonly BoardMode[];
  template: Picture['state'];
  onMode(mode: BoardMode): void;
  /** The key that shows the template while it is held: pages differ in which keys they have left. */
  flickerKey: string;
  weak?: boolean;
  onWeak?: (() => void) | null;
}

/** How the board is looked at. Without a golden template there is only the board itself, and the bar says so. */
export function ModeBar({ mode, modes, template, onMode, flickerKey, weak, onWeak }: ModeBarProps) {
  const { t } = useTranslation();
  const none = template !== 'ready';
  return (
    <div className="mode-bar no-print">
      <SegmentedControl
        className="segmented"
        aria-label={t('board.mode')}
        value={mode}
        onChange={(value) => onMode(value as BoardMode)}
        data={modes.map((name) => ({
          value: name,
          disabled: none && NEEDS_TEMPLATE.includes(name),
          label: (
            <span>
              {t(`board.${name}`)} {KEYS[name] ? <Kbd>{KEYS[name]}</Kbd> : null}
            </span>
          ),
        }))}
      />
      {onWeak ? (
        <Button aria-pressed={weak} onClick={onWeak}>
          {t('board.weak')} <Kbd>W</Kbd>
        </Button>
      ) : null}
      <span className="quiet mode-hint">
        {template === 'ready'
          ? mode === 'difference' || mode === 'four'
            ? t('board.difference_key')
            : t('board.flicker_hint', { key: flickerKey })
          : template === 'loading'
            ? t('act.loading')
            : t('board.no_template')}
      </span>
    </div>
  );
}
