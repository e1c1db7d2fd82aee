import { useSyncExternalStore } from 'react';

/** What the address says: `#/t/<id>` is a thread, everything else the list. */
export type Route =
  | { readonly screen: 'list' }
  | { readonly screen: 'thread'; readonly threadId: string }
  /** A link that cannot be right: the server would refuse the id. */
  | { readonly screen: 'invalid' };

const threadPath = /^#\/t\/(.*)$/;
const threadId = /^[A-Za-z0-9_.:@-]{1,64}$/;

function parseRoute(hash: string): Route {
  const found = threadPath.exec(hash)?.[1];
  if (found === undefined) return { screen: 'list' };
  try {
    const id = decodeURIComponent(found);
    return threadId.test(id) ? { screen: 'thread', threadId: id } : { screen: 'invalid' };
  } catch {
    return { screen: 'invalid' };
  }
}

/** Everything that an id may hold stands for itself in a hash. */
export function threadHref(id: string): string {
  return `#/t/${id}`;
}

export const listHref = '#/';

export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  return parseRoute(hash);
}

function subscribe(listener: () => void): () => void {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
}
