import type { Thread } from '@threadwire/protocol';
import type {
  AuditEntry,
  CreateThread,
  HistoryRequest,
  HistoryResult,
  Revocation,
  ThreadStore,
  UpdateThread,
  WriteResult,
} from '../thread-store.ts';
import type { Failure } from './failure.ts';
import type { FlatOps } from './flat-ops.ts';

/**
 * What an op came to. Of what the caller knows the rest there is only a number: of a stored append its seq, of text the
 * length stored.
 */
export type OpResult = WriteResult | number;

type Resolved<M extends keyof ThreadStore> = Awaited<ReturnType<Extract<ThreadStore[M], (...args: never) => unknown>>>;

export interface WriterMethods {
  write(ops: FlatOps): OpResult[];
  createThread(request: CreateThread): Resolved<'createThread'>;
  updateThread(request: UpdateThread): Resolved<'updateThread'>;
  /** Null, because JSON has no `undefined`. */
  appendAudit(entries: readonly AuditEntry[]): null;
  revoke(revocation: Revocation): null;
  restore(userId: string): null;
  /** Answers when everything asked before is done. */
  ping(): null;
  /** Commits as much as a large message takes. */
  probe(): null;
  /** Moves the log into the database file and lets go of both. */
  close(): null;
}

/** A thread's place in a list. */
export type Listed = readonly [key: number, updatedAt: number, id: string];

/** How far a search through a user's threads has come: up to this key, and what it found best so far. */
export interface ListSearch {
  readonly key: number;
  readonly found: readonly Listed[];
}

/** Each call is one job, which nothing can interrupt: what may take long is told in parts. */
export interface ReaderMethods {
  threads(ids: readonly string[]): Promise<Thread[]>;
  /** The page, or where the search is to go on. */
  listThreads(
    request: Parameters<ThreadStore['listThreads']>[0],
    search?: ListSearch,
  ): Promise<Resolved<'listThreads'> | { readonly search: ListSearch }>;
  /** Results for the first of the requests, one at least; `takenBytes` of the total are for the next call to go on from. */
  histories(
    requests: readonly HistoryRequest[],
    totalBytes?: number,
    takenBytes?: number,
  ): Promise<{ readonly results: HistoryResult[]; readonly takenBytes: number }>;
  changesAfter(threadId: string, seq: number, limit: number): Promise<Resolved<'changesAfter'>>;
  /** Null where there is none: JSON has no `undefined`. */
  findStream(id: string): Promise<NonNullable<Resolved<'findStream'>> | null>;
  abandonedStreams(at: number, limit: number): Promise<Resolved<'abandonedStreams'>>;
  audit(limit: number, before?: string): Promise<AuditEntry[]>;
  revocations(): Promise<Revocation[]>;
  close(): null;
}

/** `workerData` of a store's worker. */
export interface WorkerSettings {
  readonly role: 'writer' | 'reader';
  readonly file: string;
}

/** To a worker; answered in the order of arrival. */
export interface WorkerRequest {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** The answer to a request, as JSON (which is cheaper than a clone), or why there is none. */
export type WorkerAnswer =
  | { readonly id: number; readonly json: string }
  | { readonly id: number; readonly failure: Failure };

/** From a worker: first whether it could open the database, then one answer for each request. */
export type WorkerReply = 'ready' | Failure | WorkerAnswer;
