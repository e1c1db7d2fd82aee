import { createContext, use, useSyncExternalStore } from 'react';
import type { Link, LinkState } from './link.ts';

export const LinkContext = createContext<Link | undefined>(undefined);

export function useLink(): Link {
  const link = use(LinkContext);
  if (!link) throw new Error('there is no link above');
  return link;
}

export function useLinkState(): LinkState {
  const link = useLink();
  return useSyncExternalStore(link.subscribe, link.getState);
}
