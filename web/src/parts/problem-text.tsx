import { useTranslation } from 'react-i18next';
import { ApiProblem } from '../api/client.ts';
import { problemWords } from './problem-words.ts';

/** A fault in the reader's language. What the platform itself says of it is English, and marked so: a screen reader would say it as if it were German. */
export function ProblemText({ error, shown }: { error: unknown; shown?: readonly string[] }) {
  const { t } = useTranslation();
  const words = problemWords(t, error, shown);
  const says = error instanceof ApiProblem ? error.message : '';
  const at = says === '' ? -1 : words.lastIndexOf(says);
  if (at < 0) return words;
  return (
    <>
      {words.slice(0, at)}
      <span lang="en">{says}</span>
      {words.slice(at + says.length)}
    </>
  );
}
