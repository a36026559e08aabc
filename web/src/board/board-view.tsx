import { ActionIcon, Button } from '@mantine/core';
import { type KeyboardEvent, useEffect, useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { Picture } from '../api/pictures.ts';
import { useKeys } from '../app/keys.ts';
import { type Comparison, useComparison } from './comparison.ts';
import { BoardFrames, type BoardMark } from './frames.tsx';
import { DifferenceLayer, PictureLayer } from './layers.tsx';
import { IDENTITY } from './registration.ts';
import { useGestures, useSize } from './use-port.ts';
import { fit, goTo, held, type Size, type View, zoomAt } from './view.ts';

export type BoardMode = 'inspected' | 'template' | 'side' | 'difference';
export interface BoardViewProps {
  image: Picture;
  template: Picture;
  size: Size;
  marks: readonly BoardMark[];
  selected: string | null;
  mode: BoardMode;
  /** The template is shown in place of the board while this is true. */
  flicker: boolean;
  /** Null shows the whole picture. */
  view: View | null;
  onView(view: View | null): void;
  onSelect?: (id: string) => void;
  /** Changes when the picture should go to the selected mark. */
  follow?: string | null;
}

/** A board with what was found on it. Two ports beside each other share one view. */
export function BoardView(props: BoardViewProps) {
  const { t } = useTranslation();
  const template = props.template.url;
  const comparison = useComparison(props.image.url, template, props.size);
  if (props.mode === 'side' && template) {
    return (
      <div className="board-pair">
        <BoardPort {...props} comparison={comparison} show="template" caption={t('board.template')} />
        <BoardPort {...props} comparison={comparison} show="inspected" caption={t('board.inspected')} />
      </div>
    );
  }
  const show =
    template && (props.flicker || props.mode === 'template')
      ? 'template'
      : props.mode === 'difference' && template
        ? 'difference'
        : 'inspected';
  return <BoardPort {...props} comparison={comparison} show={show} caption={t(`board.${show}`)} />;
}

function BoardPort({
  image,
  template,
  size,
  marks,
  selected,
  view,
  onView,
  onSelect,
  follow,
  show,
  caption,
  comparison,
}: BoardViewProps & { show: 'inspected' | 'template' | 'difference'; caption: string; comparison: Comparison | null }) {
  const { t } = useTranslation();
  const element = useRef<HTMLElement>(null);
  const port = useSize(element);
  const current = useMemo(() => (view ? held(view, size, port) : fit(size, port)), [view, size, port]);
  useGestures(element, { port, picture: size, view: current, onView: (next) => onView(held(next, size, port)) });

  const target = follow ? marks.find(({ id }) => id === follow) : undefined;
  const followed = useRef<string | null>(null);
  useEffect(() => {
    if (!target || port.width === 0 || followed.current === target.id) return;
    followed.current = target.id;
    onView(goTo(target.box, size, port));
  }, [target, port, size, onView]);
  useEffect(() => {
    if (!follow) followed.current = null;
  }, [follow]);

  function steer(event: KeyboardEvent): void {
    const step = 80 / current.scale;
    const moves: Record<string, View> = {
      ArrowLeft: { ...current, x: current.x - step },
      ArrowRight: { ...current, x: current.x + step },
      ArrowUp: { ...current, y: current.y - step },
      ArrowDown: { ...current, y: current.y + step },
    };
    const next = moves[event.key];
    if (!next) return;
    event.preventDefault();
    onView(held(next, size, port));
  }
  const zoom = (factor: number) => onView(zoomAt(current, factor, { x: port.width / 2, y: port.height / 2 }, size, port));
  useKeys(t('board.port'), [
    { key: '+', word: t('board.zoom_in'), run: () => zoom(1.5) },
    { key: '-', word: t('board.zoom_out'), run: () => zoom(1 / 1.5) },
    { key: '0', word: t('board.fit'), run: () => onView(null) },
  ]);

  return (
    <section
      ref={element}
      className="board-port"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the picture is panned with the arrow keys
      tabIndex={0}
      aria-label={t('board.port')}
      onKeyDown={steer}
      data-scale={current.scale.toFixed(2)}
    >
      {image.url && port.width > 0 ? (
        <>
          <PictureLayer url={image.url} alt={t('board.inspected')} view={current} port={port} size={size} hidden={show !== 'inspected'} />
          {template.url && show === 'template' ? (
            <PictureLayer
              url={template.url}
              affine={comparison?.affine ?? IDENTITY}
              alt={t('board.template')}
              view={current}
              port={port}
              size={size}
            />
          ) : null}
          {comparison && show === 'difference' ? (
            <DifferenceLayer comparison={comparison} alt={t('board.difference')} view={current} port={port} size={size} />
          ) : null}
          <BoardFrames marks={marks} selected={selected} view={current} port={port} onSelect={onSelect} />
        </>
      ) : (
        <p className="board-empty">
          {t(image.state === 'failed' ? 'board.failed' : image.state === 'none' ? 'board.none' : 'act.loading')}
        </p>
      )}
      <span className="board-caption">{caption}</span>
      <span className="board-zoom no-print">
        <ActionIcon onClick={() => zoom(1 / 1.5)} aria-label={t('board.zoom_out')}>
          -
        </ActionIcon>
        <output>{Math.round(current.scale * 100)} %</output>
        <ActionIcon onClick={() => zoom(1.5)} aria-label={t('board.zoom_in')}>
          +
        </ActionIcon>
        <Button variant="subtle" onClick={() => onView(null)}>
          {t('board.fit')}
        </Button>
      </span>
    </section>
  );
}
