import { Table, UnstyledButton } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Defect } from '../../../../src/contracts/defects.ts';
import { NONE } from '../../figures/numbers.ts';
import { reasonWords } from '../../parts/reason.ts';
import { useFormats } from '../../words/index.ts';

export function DefectList({
  defects,
  selected,
  onSelect,
}: {
  defects: readonly Defect[];
  selected: string | null;
  onSelect(id: string): void;
}) {
  const { t } = useTranslation();
  const format = useFormats();
  /** Who said so, when and why. */
  const reviewOf = ({ reviewed_by, reviewed_at, review_reason }: Defect) =>
    [reviewed_by, reviewed_at ? format.moment(reviewed_at) : null, reasonWords(t, review_reason)].filter(Boolean).join(' · ');
  return (
    <section className="block" aria-labelledby="defects">
      <h2 id="defects">
        {t('inspection.defects')} <span className="count">{defects.length}</span>
      </h2>
      {defects.length === 0 ? (
        <p className="quiet">{t('inspection.no_defects')}</p>
      ) : (
        <Table className="data compact">
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">{t('column.class')}</Table.Th>
              <Table.Th scope="col">{t('column.severity')}</Table.Th>
              <Table.Th scope="col" className="number">
                {t('column.score')}
              </Table.Th>
              <Table.Th scope="col" className="number">
                {t('column.size')}
              </Table.Th>
              <Table.Th scope="col">{t('column.review')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {defects.map((defect) => (
              <Table.Tr
                key={defect.id}
                className={`${defect.id === selected ? 'selected' : ''}${defect.state === 'rejected' ? ' dismissed' : ''}`}
              >
                <Table.Td>
                  <UnstyledButton
                    type="button"
                    className="row-link"
                    aria-pressed={defect.id === selected}
                    onClick={() => onSelect(defect.id)}
                  >
                    {defect.characteristic} {t(`defect.${defect.class}`)}
                  </UnstyledButton>
                  {defect.class !== defect.proposed_class ? (
                    <small className="quiet"> {t('inspection.was', { name: t(`defect.${defect.proposed_class}`) })}</small>
                  ) : null}
                </Table.Td>
                <Table.Td>{t(`severity.${defect.severity}`)}</Table.Td>
                <Table.Td className="number">{format.score(defect.score)}</Table.Td>
                <Table.Td className="number">
                  {defect.box ? `${Math.round(defect.box.width)}×${Math.round(defect.box.height)}` : NONE}
                </Table.Td>
                <Table.Td>
                  {t(`defect_state.${defect.state}`)}
                  {reviewOf(defect) ? <small className="quiet defect-review">{reviewOf(defect)}</small> : null}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </section>
  );
}
