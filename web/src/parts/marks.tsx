import type { ReactElement } from 'react';

/** The shapes of states: each is told from the others without colour. 16 units a side, drawn in the text's colour. */
export type Shape =
  | 'pass'
  | 'fail'
  | 'waiting'
  | 'running'
  | 'pending'
  | 'inconclusive'
  | 'cancelled'
  | 'held'
  | 'open'
  | 'released'
  | 'quiet';

const line = { fill: 'none', stroke: 'currentColor', strokeWidth: 1.75, strokeLinecap: 'round', strokeLinejoin: 'round' } as const;
const PATHS: Record<Shape, ReactElement> = {
  pass: <path {...line} d="M3 8.5l3.2 3.2L13 4.8" />,
  fail: (
    <>
      <rect x="1" y="1" width="14" height="14" rx="2" fill="currentColor" />
      <path d="M5 5l6 6M11 5l-6 6" stroke="var(--surface)" strokeWidth="2" strokeLinecap="round" />
    </>
  ),
  waiting: (
    <>
      <path d="M8 1l7 13.5H1z" fill="currentColor" strokeLinejoin="round" />
      <path d="M8 6v4M8 12v.2" stroke="var(--surface)" strokeWidth="1.75" strokeLinecap="round" />
    </>
  ),
  running: (
    <>
      <circle cx="8" cy="8" r="6" {...line} />
      <path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor" />
    </>
  ),
  pending: <circle cx="8" cy="8" r="6" {...line} strokeDasharray="2.2 3" />,
  inconclusive: (
    <>
      <path {...line} d="M8 1.2L14.8 8 8 14.8 1.2 8z" />
      <path {...line} d="M5.5 8h5" />
    </>
  ),
  cancelled: (
    <>
      <circle cx="8" cy="8" r="6" {...line} />
      <path {...line} d="M4 12L12 4" />
    </>
  ),
  held: (
    <>
      <rect x="1" y="1" width="14" height="14" rx="7" fill="currentColor" />
      <path d="M6 5v6M10 5v6" stroke="var(--surface)" strokeWidth="2" strokeLinecap="round" />
    </>
  ),
  open: <circle cx="8" cy="8" r="6" {...line} />,
  released: (
    <>
      <circle cx="8" cy="8" r="6" {...line} />
      <path {...line} d="M5.3 8.2l1.9 1.9 3.5-3.9" />
    </>
  ),
  quiet: <path {...line} d="M3 8h10" />,
};

export function Mark({ shape }: { shape: Shape }) {
  return (
    <svg className="mark" viewBox="0 0 16 16" aria-hidden="true">
      {PATHS[shape]}
    </svg>
  );
}

/** Colour only where something is wrong: red fail and hold, amber for what waits for a person. */
export type Tone = 'normal' | 'wrong' | 'person';

export function StateMark({ shape, tone, word, title }: { shape: Shape; tone: Tone; word: string; title?: string | undefined }) {
  return (
    <span className={`state tone-${tone}`} title={title}>
      <Mark shape={shape} />
      <span>{word}</span>
    </span>
  );
}
