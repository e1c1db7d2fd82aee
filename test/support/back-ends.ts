import type { ThreadStore } from '../../server/src/store/thread-store.ts';
import { embeddedBackEnd } from './embedded-back-end.ts';
import { mongodbBackEnd } from './mongodb-back-end.ts';

/** One store open for a test, alone with its data; disposing closes it and removes the data. */
export interface OpenBackEnd extends AsyncDisposable {
  readonly store: ThreadStore;
  /** Closes the store and opens it again on the same data. */
  reopen(): Promise<ThreadStore>;
}

/** A kind of store that the store contract is run against. */
export interface BackEnd {
  readonly name: 'embedded' | 'mongodb';
  /** Why it cannot run here, or undefined. */
  readonly missing: string | undefined;
  open(): Promise<OpenBackEnd>;
}

/** Every store; a test run names those that are missing, and CI fails on them. */
const backEnds: readonly BackEnd[] = [embeddedBackEnd, mongodbBackEnd];

/** The stores that can run here: what `describe.each` takes. */
export const runnableBackEnds = backEnds.filter((backEnd) => backEnd.missing === undefined);
