import { createContext, createElement, useContext } from 'react';
import type { ReactElement, ReactNode } from 'react';
import type { ThreadwireClient } from '../client.ts';

const ClientContext = createContext<ThreadwireClient | undefined>(undefined);

/** Gives the client to everything inside. Make the client outside of React: it lives as long as the page does. */
export function ThreadwireProvider(props: {
  readonly client: ThreadwireClient;
  readonly children?: ReactNode;
}): ReactElement {
  return createElement(ClientContext.Provider, { value: props.client }, props.children);
}

/** The client of the {@link ThreadwireProvider} around. */
export function useThreadwire(): ThreadwireClient {
  const client = useContext(ClientContext);
  if (!client) throw new Error('useThreadwire: there is no ThreadwireProvider around this component');
  return client;
}
