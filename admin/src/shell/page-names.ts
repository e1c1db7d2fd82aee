import type { Page } from '../route.ts';

export const pageNames = {
  overview: 'Overview',
  threads: 'Threads',
  streams: 'Streams',
  connections: 'Connections',
  errors: 'Errors',
  actions: 'Actions',
  audit: 'Audit log',
} as const satisfies Record<Page, string>;

/** After a `g`. */
export const pageKeys = {
  overview: 'o',
  threads: 't',
  streams: 's',
  connections: 'c',
  errors: 'e',
  actions: 'a',
  audit: 'l',
} as const satisfies Record<Page, string>;
