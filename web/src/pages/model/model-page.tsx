import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useModelReads } from '../../api/model-reads.ts';
import { useReads } from '../../api/use-reads.ts';
import { Link } from '../../app/link.tsx';
import { useParams, useSearch } from '../../app/router.ts';
import { StateMark } from '../../parts/marks.tsx';
import { Failed, Skeleton } from '../../parts/notice.tsx';
import { Comparisons } from './comparison.tsx';
import { Drift } from './drift.tsx';
import { Quality } from './quality.tsx';
import { Recipes } from './recipes.tsx';
import { Rollback } from './rollback.tsx';
import { type ModelSearch, TAB_NAMES } from './search.ts';
import { Versions } from './versions.tsx';
import './model.css';

const PARTS = { versions: Versions, quality: Quality, comparison: Comparisons, recipes: Recipes, drift: Drift };

/** One model: what it is, how well it does, what is to follow it, where it drifts. */
export function ModelPage() {
  const { t } = useTranslation();
  const { name } = useParams() as { name: string };
  const search = useSearch() as ModelSearch;
  const reads = useReads();
  const models = useModelReads();
  const { data, error, isPending, refetch } = useQuery(reads.versions(name));
  const alarms = useQuery(models.openAlarms(name));
  const tab = search.tab ?? 'versions';
  const Part = PARTS[tab];
  if (isPending) return <Skeleton rows={3} height={160} />;
  if (!data) return <Failed error={error} retry={() => void refetch()} />;
  const versions = [...data.data].sort((a, b) => b.version - a.version);
  const standing = (['production', 'canary', 'shadow'] as const).flatMap((stage) => {
    const found = versions.find((version) => version.stage === stage);
    return found ? [found] : [];
  });
  const open = alarms.data?.data.length ?? 0;
  return (
    <div className="page">
      <header className="page-head">
        <h1>{name}</h1>
        {standing.map(({ stage, version, canary_percent }) => (
          <StateMark
            key={stage}
            shape={stage === 'production' ? 'released' : 'running'}
            tone="normal"
            word={[
              t(`stage.${stage}`),
              t('model.version_short', { version }),
              canary_percent === null ? '' : t('model.canary_of', { percent: canary_percent }),
            ]
              .filter(Boolean)
              .join(' ')}
          />
        ))}
        {standing.some(({ stage }) => stage === 'production') ? null : <p className="tone-person">{t('models.none_in_production')}</p>}
        {open > 0 ? (
          <StateMark
            shape="waiting"
            tone="person"
            word={t('model.alarms', { count: open, shown: `${open}${alarms.data?.has_more ? '+' : ''}` })}
          />
        ) : null}
        <span className="export no-print">
          <Rollback model={name} />
          <Button onClick={() => window.print()}>{t('act.print')}</Button>
        </span>
      </header>
      <nav className="tabs no-print" aria-label={t('model.tabs')}>
        {TAB_NAMES.map((one) => (
          <Link
            key={one}
            to="/models/$name"
            params={{ name }}
            search={one === 'versions' ? {} : { tab: one }}
            aria-current={one === tab ? 'page' : undefined}
          >
            {t(`model.tab_${one}`)}
          </Link>
        ))}
      </nav>
      <Part model={name} versions={versions} />
    </div>
  );
}
