import { useCallback, useMemo, useSyncExternalStore } from 'react';
import { hrefOf, parseRoute } from './route.ts';
import type { Route } from './route.ts';

const listeners = new Set<() => void>();

export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  return useMemo(() => parseRoute(hash), [hash]);
}

/** A part of the view that its address keeps: it is there again after a reload. */
export function useQuery(name: string, standard = ''): [string, (value: string) => void] {
  const { query } = useRoute();
  const set = useCallback(
    (value: string): void => {
      const { page, id, query } = parseRoute(location.hash);
      const next = hrefOf(page, id, { ...query, [name]: value === standard ? '' : value });
      // No step of its own on the way back.
      history.replaceState(history.state, '', next);
      for (const listener of listeners) listener();
    },
    [name, standard],
  );
  return [query[name] ?? standard, set];
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  addEventListener('hashchange', listener);
  return () => {
    listeners.delete(listener);
    removeEventListener('hashchange', listener);
  };
}
