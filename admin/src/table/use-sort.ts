import { useCallback, useMemo } from 'react';
import { useQuery } from '../use-route.ts';
import type { Sort } from './column.ts';
import { formatSort, parseSort } from './sort-rows.ts';

/** The order of a view, which its address keeps; `standard` as in an address: `-age`. */
export function useSort(standard: string, name = 'sort'): [Sort, (sort: Sort) => void] {
  const [text, setText] = useQuery(name, standard);
  const sort = useMemo(() => parseSort(text), [text]);
  const setSort = useCallback((next: Sort) => setText(formatSort(next)), [setText]);
  return [sort, setSort];
}
