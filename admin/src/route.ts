export const pages = ['overview', 'threads', 'streams', 'connections', 'errors', 'actions', 'audit'] as const;
export type Page = (typeof pages)[number];

/** What the address says is to be shown. */
export interface Route {
  readonly page: Page;
  /** Of a thread or a connection that is open. */
  readonly id: string | undefined;
  /** Search, filter and order of the view. */
  readonly query: Readonly<Record<string, string>>;
}

const withDetails: readonly Page[] = ['threads', 'connections'];

/** Whatever is no view of the console is the overview. */
export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [name, rawId, ...rest] = path.split('/');
  const page = pages.find((known) => known === name);
  if (!page || rest.length > 0) return { page: 'overview', id: undefined, query: {} };
  const id = withDetails.includes(page) && rawId ? decoded(rawId) : undefined;
  return { page, id, query: Object.fromEntries(new URLSearchParams(search)) };
}

/** The address of a view; what is empty in its query is left out. */
export function hrefOf(page: Page, id?: string, query: Readonly<Record<string, string>> = {}): string {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '')).toString();
  const path = id === undefined ? page : `${page}/${encodeURIComponent(id)}`;
  return `#/${path}${search === '' ? '' : `?${search}`}`;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
