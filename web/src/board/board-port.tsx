import { ActionIcon, Button } from '@mantine/core';
import { type KeyboardEvent, type ReactNode, useEffect, useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { Picture } from '../api/pictures.ts';
import { useKeys } from '../app/keys.ts';
import type { Comparison } from './comparison.ts';
import { BoardFrames, type BoardMark } from './frames.tsx';
import { DifferenceLayer, HeatLayer, PictureLayer } from './layers.tsx';
import { IDENTITY } from './registration.ts';
import { useGestures, useSize } from './use-port.ts';
import { fit, goTo, held, type Size, type View, zoomAt } from './view.ts';

/** What a port shows: the two pictures, where they differ, or where the model looked. */
export type Show = 'inspected' | 'template' | 'difference' | 'heat';
export interface PortProps {
  image: Picture;
  template: Picture;
  heat: Picture;
  size: Size;
  marks: readonly BoardMark[];
  selected: string | null;
  /** Null shows the whole picture. */
  view: View | null;
  onView(view: View | null): void;
  onSelect?: (id: string) => void;
  /** Changes when the picture should go to the selected mark. */
  follow?: string | null;
  show: Show;
  caption: string;
  comparison: Comparison | null;
  /** One of several: it moves with the others, and leaves names, keys and buttons to the main one. */
  minor?: boolean;
  /** A frame that is being drawn, in place of the marks' own. */
  aim?: ((view: View, port: Size) => ReactNode) | undefined;
}

export function BoardPort(props: PortProps) {
  const { image, size, marks, selected, view, onView, onSelect, follow, show, caption, minor = false, aim } = props;
  const { t } = useTranslation();
  const element = useRef<HTMLElement>(null);
  const port = useSize(element);
  const current = useMemo(() => (view ? held(view, size, port) : fit(size, port)), [view, size, port]);
  useGestures(element, { port, picture: size, view: current, onView: (next) => onView(held(next, size, port)) });

  const target = follow && !minor ? marks.find(({ id }) => id === follow) : undefined;
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
    if (event.shiftKey) return;
    const step = (aim ? 12 : 80) / current.scale;
    const moves: Record<string, View> = {
      ArrowLeft: { ...current, x: current.x - step },
      ArrowRight: { ...current, x: current.x + step },
      ArrowUp: { ...current, y: current.y - step },
      ArrowDown: { ...current, y: current.y + step },
    };
    const next = moves[event.key];
    if (!next || event.defaultPrevented) return;
    event.preventDefault();
    onView(held(next, size, port));
  }
  const zoom = (factor: number) => onView(zoomAt(current, factor, { x: port.width / 2, y: port.height / 2 }, size, port));
  useKeys(
    t('board.port'),
    minor
      ? []
      : [
          { key: '+', word: t('board.zoom_in'), run: () => zoom(1.5) },
          { key: '-', word: t('board.zoom_out'), run: () => zoom(1 / 1.5) },
          { key: '0', word: t('board.fit'), run: () => onView(null) },
        ],
  );

  return (
    <section
      ref={element}
      className="board-port"
      tabIndex={minor ? -1 : 0}
      aria-label={minor ? caption : t('board.port')}
      onKeyDown={steer}
      data-show={show}
      data-scale={current.scale.toFixed(2)}
      data-view={`${current.x.toFixed(1)},${current.y.toFixed(1)}`}
    >
      {image.url && port.width > 0 ? (
        <>
          <Layers {...props} current={current} port={port} />
          {lacking(props) || (show === 'difference' && !props.comparison) ? null : (
            <BoardFrames marks={marks} selected={selected} view={current} port={port} named={!minor} onSelect={onSelect} />
          )}
          {aim?.(current, port)}
        </>
      ) : (
        <p className="board-empty">
          {t(image.state === 'failed' ? 'board.failed' : image.state === 'none' ? 'board.none' : 'act.loading')}
        </p>
      )}
      <span className="board-caption">{caption}</span>
      {minor ? null : (
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
      )}
    </section>
  );
}

/** The picture that this port cannot show, null when it can. The main port of a board without a template shows the board itself. */
function lacking({ show, heat, template, minor }: PortProps): Picture | null {
  if (show === 'heat') return heat.state === 'ready' ? null : heat;
  return minor && (show === 'template' || show === 'difference') && template.state !== 'ready' ? template : null;
}

/** No run has been made, the run kept no heat, or it cannot be drawn now. */
function heatWord(heat: Picture): 'none' | 'gone' | 'away' {
  if (heat.state === 'none') return 'none';
  return heat.state === 'failed' && heat.status === 404 ? 'gone' : 'away';
}

/** What lies under the frames. A picture that is not there says why, in its own port. */
function Layers(props: PortProps & { current: View; port: Size }) {
  const { image, template, heat, size, show, comparison, current, port } = props;
  const { t } = useTranslation();
  const layer = { view: current, port, size };
  const missing = lacking(props);
  if (missing) {
    const words =
      missing.state === 'loading' ? t('act.loading') : t(show === 'heat' ? `board.heat_${heatWord(missing)}` : 'board.no_template');
    return <p className="board-empty">{words}</p>;
  }
  return (
    <>
      <PictureLayer
        {...layer}
        url={image.url!}
        alt={show === 'heat' ? '' : t('board.inspected')}
        faint={show === 'heat'}
        hidden={show !== 'inspected' && show !== 'heat'}
      />
      {template.url && show === 'template' ? (
        <PictureLayer {...layer} url={template.url} affine={comparison?.affine ?? IDENTITY} alt={t('board.template')} />
      ) : null}
      {comparison && show === 'difference' ? <DifferenceLayer {...layer} comparison={comparison} alt={t('board.difference')} /> : null}
      {!comparison && show === 'difference' ? <p className="board-empty">{t('act.loading')}</p> : null}
      {heat.url && show === 'heat' ? <HeatLayer {...layer} url={heat.url} alt={t('board.heat')} /> : null}
    </>
  );
}
