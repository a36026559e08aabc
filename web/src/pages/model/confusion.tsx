import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useModelReads } from '../../api/model-reads.ts';
import { useClassName } from '../../parts/call-words.ts';
import { Failed } from '../../parts/notice.tsx';
import { Matrix } from './matrix.tsx';

/** What the model said against what people found, with what it missed and what it saw where nothing was. */
export function Confusion({ model, from }: { model: string; from: string | undefined }) {
  const { t } = useTranslation();
  const className = useClassName();
  const reads = useModelReads();
  const { data, error, refetch } = useQuery(reads.confusion(model, from));
  if (!data && error) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return null;
  const name = (raw: string) =>
    raw === 'nothing_there' ? t('quality.nothing_there') : raw === 'missed' ? t('quality.missed_column') : className(raw);
  if (data.counts.flat().every((count) => count === 0)) {
    return (
      <section className="panel">
        <h2>{t('quality.confusion')}</h2>
        <p className="quiet">{t('quality.confusion_none')}</p>
      </section>
    );
  }
  return (
    <Matrix
      title={t('quality.confusion')}
      corner={t('quality.truth')}
      rows={data.truth.map((raw) => ({ id: raw, name: name(raw) }))}
      columns={data.said.map((raw) => ({ id: raw, name: name(raw) }))}
      count={(row, column) =>
        row === 'nothing_there' && column === 'missed' ? null : (data.counts[data.truth.indexOf(row)]?.[data.said.indexOf(column)] ?? 0)
      }
    />
  );
}
