import { useTranslation } from 'react-i18next';
import type { Candidate } from '../../../src/contracts/inference.ts';
import { useFormats } from '../words/index.ts';

/** A class in words; one that the words do not know stays as it is: a model may have classes of its own. */
export function useClassName(): (name: string) => string {
  const { t, i18n } = useTranslation();
  return (name) => (i18n.exists(`defect.${name}`) ? t(`defect.${name}` as 'defect.open') : name);
}

/** A call of a model in words, with its score; null: it called nothing there. */
export function useCallWords(): (call: Candidate | null) => string {
  const { t } = useTranslation();
  const name = useClassName();
  const format = useFormats();
  return (call) => (call === null ? t('comparison.nothing') : `${name(call.class)} ${format.score(call.score)}`);
}
