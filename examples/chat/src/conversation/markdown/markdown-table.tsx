import type { Table, TableCell } from 'mdast';
import type { ReactElement } from 'react';

interface MarkdownTableProps {
  readonly table: Table;
  readonly renderCell: (content: TableCell['children'], isLast: boolean) => ReactElement;
}

/** Scrolls by itself where it is wider than the message, by the keyboard too. */
export function MarkdownTable({ table, renderCell }: MarkdownTableProps): ReactElement {
  const [head, ...rows] = table.children;
  const align = table.align ?? [];
  const label = head?.children.map(plainText).filter(Boolean).join(', ') ?? '';
  return (
    <div className="table-scroll" role="region" aria-label={label === '' ? 'Table' : `Table: ${label}`} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {head?.children.map((cell, i) => (
              <th key={i} scope="col" data-align={align[i]}>
                {renderCell(cell.children, rows.length === 0 && i === head.children.length - 1)}
              </th>
            ))}
          </tr>
        </thead>
        {rows.length > 0 && (
          <tbody>
            {rows.map((row, y) => (
              <tr key={y}>
                {row.children.map((cell, i) => (
                  <td key={i} data-align={align[i]}>
                    {renderCell(cell.children, y === rows.length - 1 && i === row.children.length - 1)}
                  </td>
                ))}
                {/* A row that is still being written, or lacks some, is as wide as the others. */}
                {head?.children.slice(row.children.length).map((_, i) => (
                  <td key={row.children.length + i} />
                ))}
              </tr>
            ))}
          </tbody>
        )}
      </table>
    </div>
  );
}

function plainText({ children }: TableCell): string {
  return children.map((node) => (node.type === 'text' || node.type === 'inlineCode' ? node.value : '')).join('');
}
