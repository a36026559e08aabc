export interface SilenceOptions {
  /** Time between two questions (milliseconds). */
  everyMs: number;
  /** Questions in a row without an answer after which a process does not count as serving. */
  quiet: number;
  /** And after which it is lost: longer than any work keeps a process from answering. */
  most: number;
}

export const SILENCE: SilenceOptions = { everyMs: 1000, quiet: 3, most: 9 };

/**
 * Whether one process is there, by the questions that it left without an answer. Questions and not time: while a machine stands still as a whole nobody is
 * asked, and afterwards nobody is to blame.
 */
export interface Silence {
  /** What the questions so far tell; one more is asked now. */
  ask(): 'there' | 'quiet' | 'lost';
  heard(): void;
}

export function countSilence({ quiet, most }: SilenceOptions = SILENCE): Silence {
  let unanswered = 0;
  return {
    ask() {
      const before = unanswered;
      unanswered += 1;
      return before >= most ? 'lost' : before >= quiet ? 'quiet' : 'there';
    },
    heard() {
      unanswered = 0;
    },
  };
}
