import { useTranslation } from 'react-i18next';
import type { Candidate } from '../../../src/contracts/inference.ts';
import { useFormats } from '../words/index.ts';

/** A call of a model in words, with its score; null: it called nothing there. */
export function useCallWords(): (call: Candidate | null) => string {
  const { t, i18n } = useTranslation();
  const format = useFormats();
  return (call) =>
    call === null
      ? t('comparison.nothing')
      : `${i18n.exists(`defect.${call.class}`) ? t(`defect.${call.class}`) : call.class} ${format.score(call.score)}`;
}
