import { Table } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type { Comparison } from '../../../../src/contracts/models.ts';
import { useModelReads } from '../../api/model-reads.ts';
import { wilson } from '../../figures/wilson.ts';
import { Since } from '../../parts/age.tsx';
import { useClassName } from '../../parts/call-words.ts';
import { Failed, Notice, Skeleton } from '../../parts/notice.tsx';
import { ShareBar, ShareWords } from '../../parts/share.tsx';
import { useFormats } from '../../words/index.ts';
import { Disagreements } from './disagreements.tsx';
import { Matrix } from './matrix.tsx';
import type { PartProps } from './versions.tsx';

/** A canary or shadow beside production, on the same boards. */
export function Comparisons({ model }: PartProps) {
  const { t } = useTranslation();
  const reads = useModelReads();
  const { data, error, isPending, refetch } = useQuery(reads.comparison(model));
  if (isPending) return <Skeleton rows={2} height={180} />;
  if (!data) return <Failed error={error} retry={() => void refetch()} />;
  return (
    <>
      {data.data.length === 0 ? (
        <Notice shape="open" title={t('comparison.none')}>
          <p>{t('comparison.none_means')}</p>
        </Notice>
      ) : null}
      {data.data.map((one) => (
        <One key={one.candidate_version} of={one} />
      ))}
      <Disagreements model={model} />
    </>
  );
}

function One({ of }: { of: Comparison }) {
  const { t } = useTranslation();
  const format = useFormats();
  const name = useClassName();
  const agreeing = wilson(of.agreeing, of.boards);
  const { disagreements } = of;
  const names = [...new Set(of.matrix.flatMap(({ production, candidate }) => [production, candidate]))].sort((a, b) =>
    a === null ? 1 : b === null ? -1 : a.localeCompare(b),
  );
  const named = names.map((raw) => ({ id: raw ?? '', name: raw === null ? t('comparison.nothing') : name(raw) }));
  return (
    <article className="panel comparison" data-candidate={of.candidate_version}>
      <header>
        <h2>
          {t('comparison.title', {
            candidate: of.candidate_version,
            role: t(`stage.${of.role}`),
            production: of.production_version ?? t('comparison.no_production'),
          })}
        </h2>
        <span className="quiet">
          {of.canary_percent === null ? null : `${t('model.canary_of', { percent: of.canary_percent })} · `}
          <Since at={of.since} />
        </span>
      </header>
      {of.boards === 0 ? (
        <p className="quiet">{t('comparison.none_yet')}</p>
      ) : (
        <dl className="quality-figures">
          <div>
            <dt>{t('comparison.boards')}</dt>
            <dd className="number">{format.whole(of.boards)}</dd>
          </div>
          <div>
            <dt>{t('comparison.agreeing')}</dt>
            <dd className="number">
              {format.percent(agreeing.value, of.boards)} % <ShareWords share={agreeing} />
              <ShareBar share={agreeing} />
            </dd>
          </div>
        </dl>
      )}
      {of.dropped > 0 ? <p className="tone-person">{t('comparison.dropped', { count: of.dropped })}</p> : null}
      <div className="comparison-tables">
        {of.classes.length > 0 ? (
          <div>
            <h3>{t('comparison.by_class')}</h3>
            <Table className="data compact">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th scope="col">{t('column.class')}</Table.Th>
                  {(['both', 'production_only', 'candidate_only'] as const).map((column) => (
                    <Table.Th key={column} scope="col" className="number">
                      {t(`comparison.${column}`)}
                    </Table.Th>
                  ))}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {of.classes.map((row) => (
                  <Table.Tr key={row.class}>
                    <Table.Td>{name(row.class)}</Table.Td>
                    <Table.Td className="number">{format.whole(row.both)}</Table.Td>
                    <Table.Td className="number">{format.whole(row.production_only)}</Table.Td>
                    <Table.Td className="number">{format.whole(row.candidate_only)}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </div>
        ) : null}
        <Figures of={of} />
      </div>
      {named.length > 0 ? (
        <Matrix
          title={t('comparison.matrix')}
          corner={t('comparison.production')}
          rows={named}
          columns={named}
          count={(row, column) =>
            row === '' && column === ''
              ? null
              : (of.matrix.find(({ production, candidate }) => (production ?? '') === row && (candidate ?? '') === column)?.calls ?? 0)
          }
        />
      ) : null}
      <p className="quiet">
        {t('comparison.settled_so_far', {
          production: disagreements.production_right,
          candidate: disagreements.candidate_right,
          neither: disagreements.neither,
          cannot_tell: disagreements.cannot_tell,
          open: disagreements.open,
        })}
      </p>
    </article>
  );
}

function Figures({ of }: { of: Comparison }) {
  const { t } = useTranslation();
  const format = useFormats();
  const { production, candidate } = of.latency_ms;
  const rows = [
    ['calls_per_board', format.value(of.calls_per_board.production, 3), format.value(of.calls_per_board.candidate, 3)],
    ['runs', format.whole(production.runs), format.whole(candidate.runs)],
    ['p50', format.value(production.p50, 3), format.value(candidate.p50, 3)],
    ['p95', format.value(production.p95, 3), format.value(candidate.p95, 3)],
    ['errors', format.whole(production.errors), format.whole(candidate.errors)],
  ] as const;
  return (
    <div>
      <h3>{t('comparison.figures')}</h3>
      <Table className="data compact">
        <Table.Thead>
          <Table.Tr>
            <Table.Td />
            <Table.Th scope="col" className="number">
              {t('comparison.production')}
            </Table.Th>
            <Table.Th scope="col" className="number">
              {t('comparison.candidate')}
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map(([name, left, right]) => (
            <Table.Tr key={name}>
              <Table.Th scope="row">{t(`comparison.${name}`)}</Table.Th>
              <Table.Td className="number">{left}</Table.Td>
              <Table.Td className="number">{right}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}
