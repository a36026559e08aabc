import { SegmentedControl, Table } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type { QualityBy, QualityGroup } from '../../../../src/contracts/monitoring.ts';
import { useModelReads } from '../../api/model-reads.ts';
import { useNavigate, useSearch } from '../../app/router.ts';
import { NONE } from '../../figures/numbers.ts';
import { useNow } from '../../parts/age.tsx';
import { useClassName } from '../../parts/call-words.ts';
import { Failed, Skeleton } from '../../parts/notice.tsx';
import { RateRange, topOf } from '../../parts/rate-range.tsx';
import { useFormats } from '../../words/index.ts';
import { Agreement } from './agreement.tsx';
import { Confusion } from './confusion.tsx';
import { type ModelSearch, QUALITY_GROUPS } from './search.ts';
import type { PartProps } from './versions.tsx';

const SPANS = ['all', '1', '7', '30'] as const;
const HOUR = 3_600_000;

/** What people found out about the model: false calls and escapes, with how much was looked at. */
export function Quality({ model }: PartProps) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const reads = useModelReads();
  const search = useSearch() as ModelSearch;
  const by = search.by ?? 'class';
  const now = useNow(HOUR);
  const from = search.days ? new Date(now - Number(search.days) * 24 * HOUR).toISOString() : undefined;
  const { data, error, isPending, refetch } = useQuery(reads.quality(model, by, from));
  const change = (next: Partial<Record<'by' | 'days', string>>) =>
    navigate({
      to: '/models/$name',
      params: { name: model },
      search: ({ by: oldBy, days, ...rest }) => {
        const all = { by: oldBy, days, ...next };
        return {
          ...rest,
          ...(all.by && all.by !== 'class' ? { by: all.by as QualityBy } : {}),
          ...(all.days && all.days !== 'all' ? { days: all.days as '1' | '7' | '30' } : {}),
        };
      },
      replace: true,
    });
  return (
    <>
      <div className="filter-bar no-print">
        <span className="quiet">{t('quality.span')}</span>
        <SegmentedControl
          aria-label={t('quality.span')}
          value={search.days ?? 'all'}
          onChange={(days) => change({ days })}
          data={SPANS.map((value) => ({ value, label: t(`quality.days_${value}`) }))}
        />
        <span className="quiet">{t('quality.by')}</span>
        <SegmentedControl
          aria-label={t('quality.by')}
          value={by}
          onChange={(value) => change({ by: value })}
          data={QUALITY_GROUPS.map((value) => ({ value, label: t(`quality.by_${value}`) }))}
        />
      </div>
      {isPending ? <Skeleton rows={2} height={180} /> : null}
      {error ? <Failed error={error} retry={() => void refetch()} /> : null}
      {data ? (
        <>
          <Total group={data.total} />
          <Groups groups={data.groups} by={by} />
        </>
      ) : null}
      <Confusion model={model} from={from} />
      <Agreement model={model} from={from} />
    </>
  );
}

function Total({ group }: { group: QualityGroup }) {
  const { t } = useTranslation();
  const format = useFormats();
  const figures = [
    ['boards', group.boards],
    ['calls', group.calls],
    ['calls_per_board', group.calls_per_board],
    ['reviewed', group.calls_reviewed],
    ['confirmed', group.confirmed],
    ['reclassified', group.reclassified],
    ['false_calls', group.false_calls],
    ['audited', group.audited],
    ['audits_waiting', group.audits_waiting],
    ['cannot_tell', group.audits_cannot_tell],
    ['escapes', group.escapes],
    ['missed', group.missed_defects],
  ] as const;
  // Of what nobody has looked at there is no count, not a count of zero.
  const unknown = (name: string) =>
    (group.calls_reviewed === 0 && /^(confirmed|reclassified|false_calls)$/.test(name)) || (group.audited === 0 && name === 'escapes');
  return (
    <section className="panel" aria-labelledby="quality-total">
      <h2 id="quality-total">{t('quality.total')}</h2>
      <dl className="quality-figures">
        {figures.map(([name, value]) => (
          <div key={name} data-figure={name}>
            <dt>{t(`quality.${name}`)}</dt>
            <dd className="number">{unknown(name) ? NONE : name === 'calls_per_board' ? format.value(value, 3) : format.whole(value)}</dd>
          </div>
        ))}
      </dl>
      <div className="quality-rates">
        <h3>{t('quality.false_call_rate')}</h3>
        <RateRange rate={group.false_call_rate} none={t('quality.none_reviewed')} top={1} />
        <h3>{t('quality.escape_rate')}</h3>
        <RateRange rate={group.escape_rate} none={t('quality.none_audited')} top={1} />
      </div>
    </section>
  );
}

function Groups({ groups, by }: { groups: readonly QualityGroup[]; by: QualityBy }) {
  const { t } = useTranslation();
  const className = useClassName();
  const format = useFormats();
  if (groups.length === 0) return null;
  const falseTop = topOf(groups.map((group) => group.false_call_rate));
  const escapeTop = topOf(groups.map((group) => group.escape_rate));
  const nameOf = (group: string | null) => {
    if (group === null) return by === 'recipe' ? t('quality.own_thresholds') : t('quality.no_group');
    return by === 'class' ? className(group) : group;
  };
  const counts = (group: QualityGroup) => [group.boards, group.calls, group.calls_reviewed, group.confirmed, group.reclassified];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is scrolled by keyboard
    <section className="table-wide" tabIndex={0} aria-label={t('quality.groups')}>
      <Table className="data compact quality-groups">
        <caption>{t('quality.groups')}</caption>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">{t(`quality.by_${by}`)}</Table.Th>
            {(['boards', 'calls', 'reviewed', 'confirmed', 'reclassified'] as const).map((name) => (
              <Table.Th key={name} scope="col" className="number">
                {t(`quality.${name}`)}
              </Table.Th>
            ))}
            <Table.Th scope="col">{t('quality.false_call_rate')}</Table.Th>
            <Table.Th scope="col">{t('quality.escape_rate')}</Table.Th>
            <Table.Th scope="col" className="number">
              {t('quality.missed')}
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {groups.map((group) => (
            <Table.Tr key={group.group ?? ''} data-group={group.group ?? ''}>
              <Table.Th scope="row">{nameOf(group.group)}</Table.Th>
              {counts(group).map((count, i) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: the columns of one row, always in this order
                <Table.Td key={i} className="number">
                  {i > 2 && group.calls_reviewed === 0 ? NONE : format.whole(count)}
                </Table.Td>
              ))}
              <Table.Td>
                <RateRange rate={group.false_call_rate} none={t('quality.none_reviewed')} top={falseTop} />
              </Table.Td>
              <Table.Td>
                <RateRange rate={group.escape_rate} none={t('quality.none_audited')} top={escapeTop} />
              </Table.Td>
              <Table.Td className="number">
                {group.audited === 0 && group.missed_defects === 0 ? NONE : format.whole(group.missed_defects)}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <p className="quiet table-note">
        {t('quality.ranges', { top: `${format.whole(falseTop * 100)} % / ${format.whole(escapeTop * 100)}` })}
      </p>
    </section>
  );
}
