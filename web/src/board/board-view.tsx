import { useTranslation } from 'react-i18next';
import { BoardPort, type PortProps, type Show } from './board-port.tsx';
import { useComparison } from './comparison.ts';

/** One way to look at a board, or several beside each other that share one view: `side` is two of them, `four` is all. */
export type BoardMode = Show | 'side' | 'four';
export interface BoardViewProps extends Omit<PortProps, 'show' | 'caption' | 'comparison' | 'minor'> {
  mode: BoardMode;
  /** The template is shown in place of the board while this is true. */
  flicker: boolean;
}

const FOUR: Show[] = ['template', 'inspected', 'difference', 'heat'];

/** A board with what was found on it. */
export function BoardView({ mode, flicker, ...props }: BoardViewProps) {
  const { t } = useTranslation();
  const template = props.template.url;
  const comparison = useComparison(props.image.url, template, props.size);
  const port = (show: Show, minor = false) => (
    <BoardPort key={show} {...props} comparison={comparison} show={show} caption={t(`board.${show}`)} minor={minor} />
  );
  if (mode === 'four') {
    return (
      <div className="board-four">
        {FOUR.map((show) =>
          show === 'inspected' && flicker && template ? (
            <BoardPort key={show} {...props} comparison={comparison} show="template" caption={t('board.template')} />
          ) : (
            port(show, show !== 'inspected')
          ),
        )}
      </div>
    );
  }
  if (mode === 'side' && template) {
    return (
      <div className="board-pair">
        {port('template')}
        {port('inspected')}
      </div>
    );
  }
  if (template && (flicker || mode === 'template')) return port('template');
  return port(mode === 'heat' || (mode === 'difference' && template) ? mode : 'inspected');
}
