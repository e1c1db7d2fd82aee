/** The page that an address names, from 1 on; what is no number is the first. */
export function pageNumber(text: string): number {
  const number = Math.floor(Number(text));
  return Number.isSafeInteger(number) ? Math.min(Math.max(1, number), mostPages) : 1;
}

/** The last page of so many; an empty list has one page. */
export function lastPage(found: number, pageSize: number): number {
  return Math.max(1, Math.ceil(found / pageSize));
}

/** Nobody asks a server for what is beyond. */
const mostPages = 1e6;
