import type { Session } from '@threadwire/protocol';
import type { ThreadwireError } from './errors.ts';

/** Where the one connection is. */
export type ConnectionState =
  | { readonly phase: 'connecting'; readonly attempt: number }
  | { readonly phase: 'connected'; readonly session: Session; readonly attempt: number }
  /** Until the next attempt; `error` is why the last one failed or the connection was lost. */
  | { readonly phase: 'waiting'; readonly attempt: number; readonly error: ThreadwireError | undefined }
  /** Not begun, or over: by `close()`, or because no attempt could succeed. */
  | { readonly phase: 'closed'; readonly error: ThreadwireError | undefined };

export type ConnectionEvent =
  | { readonly type: 'session'; readonly session: Session }
  /** It has held for a while: the next loss begins with short pauses again. */
  | { readonly type: 'settled' }
  | { readonly type: 'lost'; readonly error: ThreadwireError | undefined }
  | { readonly type: 'retry' }
  | { readonly type: 'open' }
  | { readonly type: 'close'; readonly error: ThreadwireError | undefined };

/** The state after an event; the same object where the event means nothing in that state. */
export function transition(state: ConnectionState, event: ConnectionEvent): ConnectionState {
  if (event.type === 'close') return state.phase === 'closed' ? state : { phase: 'closed', error: event.error };
  switch (state.phase) {
    case 'connecting':
      if (event.type === 'session') return { phase: 'connected', session: event.session, attempt: state.attempt };
      if (event.type === 'lost') return { phase: 'waiting', attempt: state.attempt + 1, error: event.error };
      return state;
    case 'connected':
      if (event.type === 'settled') return { ...state, attempt: 0 };
      if (event.type === 'lost') return { phase: 'waiting', attempt: state.attempt + 1, error: event.error };
      return state;
    case 'waiting':
      return event.type === 'retry' ? { phase: 'connecting', attempt: state.attempt } : state;
    case 'closed':
      return event.type === 'open' ? { phase: 'connecting', attempt: 0 } : state;
  }
}
