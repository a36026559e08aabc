import { Button, Kbd, SegmentedControl } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Picture } from '../../api/pictures.ts';
import type { BoardMode } from '../../board/board-view.tsx';

const MODES: [BoardMode, string][] = [
  ['inspected', ''],
  ['template', 'T'],
  ['side', 'S'],
  ['difference', 'D'],
];

interface ModeBarProps {
  mode: BoardMode;
  template: Picture['state'];
  onMode(mode: BoardMode): void;
  weak?: boolean;
  onWeak?: (() => void) | null;
}

/** How the board is looked at. Without a golden template there is only the board itself, and the bar says so. */
export function ModeBar({ mode, template, onMode, weak, onWeak }: ModeBarProps) {
  const { t } = useTranslation();
  const none = template !== 'ready';
  return (
    <div className="mode-bar no-print">
      <SegmentedControl
        className="segmented"
        aria-label={t('board.mode')}
        value={mode}
        onChange={(value) => onMode(value as BoardMode)}
        data={MODES.map(([name, key]) => ({
          value: name,
          disabled: none && name !== 'inspected',
          label: (
            <span>
              {t(`board.${name}`)} {key ? <Kbd>{key}</Kbd> : null}
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
          ? mode === 'difference'
            ? t('board.difference_key')
            : t('board.flicker_hint')
          : template === 'loading'
            ? t('act.loading')
            : t('board.no_template')}
      </span>
    </div>
  );
}
