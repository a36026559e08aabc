import { Table } from '@mantine/core';
import { useFormats } from '../../words/index.ts';

interface Named {
  id: string;
  name: string;
}
interface MatrixProps {
  title: string;
  corner: string;
  rows: readonly Named[];
  columns: readonly Named[];
  /** Null where row and column never meet. */
  count(row: string, column: string): number | null;
}

/** Counts by two namings of the same things. Agreement is the diagonal; what lies off it stands out by its weight, not by colour. */
export function Matrix({ title, corner, rows, columns, count }: MatrixProps) {
  const format = useFormats();
  const sum = (row: string) => columns.reduce((all, column) => all + (count(row, column.id) ?? 0), 0);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is scrolled by keyboard
    <section className="table-wide" tabIndex={0} aria-label={title}>
      <Table className="data compact matrix">
        <caption>{title}</caption>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">{corner}</Table.Th>
            {columns.map((column) => (
              <Table.Th key={column.id} scope="col" className="number">
                {column.name}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={row.id}>
              <Table.Th scope="row">{row.name}</Table.Th>
              {columns.map((column) => {
                const cell = count(row.id, column.id);
                const share = cell && sum(row.id) > 0 ? cell / sum(row.id) : 0;
                return (
                  <Table.Td
                    key={column.id}
                    className={`number${row.id === column.id ? ' agrees' : cell ? ' differs' : ''}`}
                    data-cell={`${row.id} ${column.id}`}
                    style={share > 0 ? { boxShadow: `inset 0 -${(share * 5).toFixed(1)}px var(--grey-2)` } : undefined}
                  >
                    {cell === null ? '' : cell === 0 ? <span className="quiet">0</span> : format.whole(cell)}
                  </Table.Td>
                );
              })}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  );
}
