import { useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from 'react';
import { serverNow } from '../api/clock.ts';
import { useMe, usePlatform } from '../api/context.ts';
import { keep, keptOf } from './kept.ts';
import { type Choice, createOutbox, type Waiting } from './outbox.ts';
import { passes, sendChoice } from './send.ts';

/** It was decided so long ago that it is not sent without a new look at the board. */
export class TooOld extends Error {}

/** What a page is told of decisions that were made on it. */
interface Told {
  onSent?(choice: Choice): void;
  /** It was undone or refused: the finding or the board is open again. */
  onBack?(choice: Choice): void;
}
export interface Refused {
  choice: Choice;
  error: unknown;
}
interface Decisions {
  /** By defect, or by place in the queue for what is said of a whole board: what was said here, whether sent or not. */
  decided: ReadonlyMap<string, Choice>;
  waiting: readonly Waiting[];
  /** On their first way, whose answer is not here yet. */
  sending: readonly Choice[];
  unsent: readonly Choice[];
  refused: readonly Refused[];
  /** So many could not be kept when the session ended. */
  lost: number;
  clearRefused(): void;
  decide(choice: Choice): void;
  /** Takes back the last decision that is not sent yet. */
  undo(): Choice | null;
  flush(): void;
  /** Sends everything and waits for the answers, but no longer than `ms`: whether nothing is left. */
  drain(ms: number): Promise<boolean>;
  /** Gives up what is left. */
  drop(): void;
  listen(told: Told): () => void;
}

const DecisionsContext = createContext<Decisions | null>(null);
const subjectOf = (choice: Choice) => (choice.kind === 'defect' ? choice.defect.id : choice.item);

/** Stands above the pages: what becomes of a decision is told although the page that it was made on is left. */
export function DecisionsProvider({ children }: { children: ReactNode }) {
  const { api, session } = usePlatform();
  const { subject } = useMe();
  const queries = useQueryClient();
  const [decided, setDecided] = useState<ReadonlyMap<string, Choice>>(new Map());
  const [waiting, setWaiting] = useState<readonly Waiting[]>([]);
  const [sending, setSending] = useState<readonly Choice[]>([]);
  const [unsent, setUnsent] = useState<readonly Choice[]>([]);
  const [refused, setRefused] = useState<readonly Refused[]>([]);
  const [lost, setLost] = useState(0);

  const outbox = useMemo(() => {
    const listeners = new Set<Told>();
    const forget = (choice: Choice) => setDecided((before) => new Map([...before].filter(([subject]) => subject !== subjectOf(choice))));
    const made = createOutbox({
      send: (choice, how) => sendChoice(api, choice, how),
      passes,
      onChange() {
        setWaiting(made.waiting());
        setSending(made.sending());
        setUnsent(made.unsent());
        keep(window.sessionStorage, subject, made.left());
      },
      onSent(choice) {
        for (const told of listeners) told.onSent?.(choice);
        if (choice.kind === 'settle') void queries.invalidateQueries({ queryKey: ['models'] });
        void queries.invalidateQueries({ queryKey: ['inspection', choice.inspection] });
      },
      onFailed(choice, error) {
        forget(choice);
        setRefused((before) => [...before, { choice, error }]);
        for (const told of listeners) told.onBack?.(choice);
        for (const queryKey of [['inspection', choice.inspection], ['review']]) void queries.invalidateQueries({ queryKey });
      },
      now: serverNow,
      after: (ms, run) => {
        const timer = window.setTimeout(run, ms);
        return () => window.clearTimeout(timer);
      },
      makeKey: () => crypto.randomUUID(),
    });
    let read = false;
    return {
      /** What the session ended over is sent for the same person; once, however often it is called. */
      resume() {
        if (read) return;
        read = true;
        const { fresh, old, over } = keptOf(window.sessionStorage, subject, serverNow());
        setDecided((before) => new Map([...before, ...fresh.map(({ choice }) => [subjectOf(choice), choice] as const)]));
        setRefused((before) => [...before, ...old.map(({ choice }) => ({ choice, error: new TooOld() }))]);
        setLost(over);
        made.restore(fresh);
        keep(window.sessionStorage, subject, made.left());
      },
      flush: made.flush,
      leave: made.leave,
      drain: made.drain,
      drop: made.drop,
      onTheWay: () => made.sending().length + made.unsent().length,
      clearRefused: () => {
        setRefused([]);
        setLost(0);
      },
      decide(choice: Choice) {
        setDecided((before) => new Map(before).set(subjectOf(choice), choice));
        made.add(choice);
      },
      undo() {
        const choice = made.undo();
        if (!choice) return null;
        forget(choice);
        for (const told of listeners) told.onBack?.(choice);
        return choice;
      },
      listen(told: Told) {
        listeners.add(told);
        return () => void listeners.delete(told);
      },
    };
  }, [api, queries, subject]);

  useEffect(() => {
    outbox.resume();
    // Who is led to the sign-in is not asked whether to leave: what was decided is kept for when they are back, and here no request would be answered.
    const ask = (event: BeforeUnloadEvent) => {
      if (outbox.onTheWay() > 0 && !session.leaving()) event.preventDefault();
    };
    window.addEventListener('beforeunload', ask);
    window.addEventListener('pagehide', outbox.leave);
    return () => {
      window.removeEventListener('beforeunload', ask);
      window.removeEventListener('pagehide', outbox.leave);
    };
  }, [outbox, session]);

  const value = useMemo(
    () => ({ ...outbox, decided, waiting, sending, unsent, refused, lost }),
    [outbox, decided, waiting, sending, unsent, refused, lost],
  );
  return <DecisionsContext value={value}>{children}</DecisionsContext>;
}

export function useAllDecisions(): Decisions {
  const decisions = useContext(DecisionsContext);
  if (!decisions) throw new Error('decisions outside of their provider');
  return decisions;
}

/** Decisions of this page: held back for an undo while it is shown, and sent when it is left, because the undo stays behind. */
export function useDecisions(told: Told = {}): Pick<Decisions, 'decided' | 'waiting' | 'sending' | 'unsent' | 'decide' | 'undo'> {
  const decisions = useAllDecisions();
  const { listen, flush } = decisions;
  const newest = useRef(told);
  useEffect(() => {
    newest.current = told;
  });
  useEffect(
    () =>
      listen({
        onSent: (choice) => newest.current.onSent?.(choice),
        onBack: (choice) => newest.current.onBack?.(choice),
      }),
    [listen],
  );
  useEffect(() => flush, [flush]);
  return decisions;
}
