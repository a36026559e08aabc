import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState } from 'react';
import { answerRepeat, completeInspection, reviewDefect, reviewInspection, type Sending, settle } from '../../api/changes.ts';
import type { Api } from '../../api/client.ts';
import { usePlatform } from '../../api/context.ts';
import { type Choice, createOutbox, type Waiting } from './outbox.ts';

export interface Decisions {
  /** By defect, or by place in the queue for what is said of a whole board: what was said here, whether sent or not. */
  decided: ReadonlyMap<string, Choice>;
  waiting: readonly Waiting[];
  error: unknown;
  clearError(): void;
  decide(choice: Choice): void;
  /** Takes back the last decision that is not sent yet. */
  undo(): Choice | null;
}
const subjectOf = (choice: Choice) => (choice.kind === 'defect' ? choice.defect.id : choice.item);

/**
 * What was missed and who is right, at once: the page may be leaving, and then nothing is sent after an answer. Each has its own key, so that sending both
 * again after a break makes neither twice.
 */
async function sendSettled(
  api: Api,
  { inspection, of, right, missed }: Extract<Choice, { kind: 'settle' }>,
  how: Sending,
): Promise<unknown> {
  return await Promise.all([
    settle(api, of, right, how),
    missed ? reviewInspection(api, { id: inspection }, missed.review, { ...how, key: missed.key }) : undefined,
  ]);
}

/** Decisions of this page: held back for an undo, sent, and given back when the platform refuses them. */
export function useOutbox(told: { onSent?(choice: Choice): void; onBack?(choice: Choice): void } = {}): Decisions {
  const { api } = usePlatform();
  const queries = useQueryClient();
  const [decided, setDecided] = useState<ReadonlyMap<string, Choice>>(new Map());
  const [waiting, setWaiting] = useState<readonly Waiting[]>([]);
  const [error, setError] = useState<unknown>(null);
  const newest = useRef(told);
  useEffect(() => {
    newest.current = told;
  });

  const outbox = useMemo(() => {
    const forget = (choice: Choice) => setDecided((before) => new Map([...before].filter(([subject]) => subject !== subjectOf(choice))));
    const made = createOutbox({
      send: (choice, how) =>
        choice.kind === 'defect'
          ? reviewDefect(api, choice.defect, choice.decision, how)
          : choice.kind === 'look'
            ? reviewInspection(api, choice.of, choice.review, how)
            : choice.kind === 'settle'
              ? sendSettled(api, choice, how)
              : choice.kind === 'repeat'
                ? answerRepeat(api, choice.of, choice.review, how)
                : completeInspection(api, choice.of, choice.verdict, choice.reason, how),
      onChange: () => setWaiting(made.waiting()),
      onSent: (choice) => {
        newest.current.onSent?.(choice);
        if (choice.kind === 'settle') void queries.invalidateQueries({ queryKey: ['models'] });
        void queries.invalidateQueries({ queryKey: ['inspection', choice.inspection] });
      },
      onFailed: (choice, problem) => {
        forget(choice);
        setError(problem);
        newest.current.onBack?.(choice);
        void queries.invalidateQueries({ queryKey: ['inspection', choice.inspection] });
      },
      now: Date.now,
      after: (ms, run) => {
        const timer = window.setTimeout(run, ms);
        return () => window.clearTimeout(timer);
      },
      makeKey: () => crypto.randomUUID(),
    });
    return { ...made, forget };
  }, [api, queries]);
  useEffect(() => {
    window.addEventListener('pagehide', outbox.flush);
    return () => {
      window.removeEventListener('pagehide', outbox.flush);
      outbox.flush();
    };
  }, [outbox]);

  return {
    decided,
    waiting,
    error,
    clearError: () => setError(null),
    decide(choice) {
      setError(null);
      setDecided((before) => new Map(before).set(subjectOf(choice), choice));
      outbox.add(choice);
    },
    undo() {
      const choice = outbox.undo();
      if (!choice) return null;
      outbox.forget(choice);
      newest.current.onBack?.(choice);
      return choice;
    },
  };
}
