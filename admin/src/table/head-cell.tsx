import type { ReactElement } from 'react';
import type { Column, Sort } from './column.ts';

interface HeadCellProps<Row> {
  readonly column: Column<Row>;
  readonly sort: Sort;
  readonly onSort: (sort: Sort) => void;
}

/** The head of a column; where rows can be ordered by it, a button. */
export function HeadCell<Row>({ column, sort, onSort }: HeadCellProps<Row>): ReactElement {
  const { key, title, hint, isNumber = false, isAction = false, isHighestFirst = isNumber } = column;
  const name = (
    <span className="cut" title={hint}>
      {title}
    </span>
  );
  if (isAction) {
    return (
      <th scope="col" data-number={isNumber || undefined} data-action>
        <span className="visually-hidden">{title}</span>
      </th>
    );
  }
  const isChosen = sort.key === key;
  const direction = sort.isDescending ? 'descending' : 'ascending';
  return (
    <th scope="col" data-number={isNumber || undefined} aria-sort={isChosen ? direction : 'none'}>
      <button
        type="button"
        className="sort"
        data-direction={isChosen ? direction : undefined}
        onClick={() => onSort({ key, isDescending: isChosen ? !sort.isDescending : isHighestFirst })}
      >
        {name}
        <svg className="sort-mark" width="8" height="8" viewBox="0 0 8 8" aria-hidden="true">
          <path d="M4 1.5 7.5 6.5H.5Z" />
        </svg>
      </button>
    </th>
  );
}
