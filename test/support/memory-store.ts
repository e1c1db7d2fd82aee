import type { Message, Thread } from '@threadwire/protocol';
import { Budget, readHistories } from '../../server/src/store/history.ts';
import {
  checkNewStream,
  checkThread,
  decideChange,
  decideStreamEnd,
  decideStreamResume,
  decideStreamText,
  decideThreadUpdate,
  threadExists,
} from '../../server/src/store/rules.ts';
import type { StreamFacts } from '../../server/src/store/rules.ts';
import { StoreUnavailable } from '../../server/src/store/thread-store.ts';
import type {
  AppendOp,
  AuditEntry,
  CreateThread,
  DeleteOp,
  EditOp,
  HistoryRequest,
  ListCursor,
  Revocation,
  StreamEndOp,
  StreamStartOp,
  StreamState,
  StreamTextOp,
  ThreadStore,
  UpdateThread,
  WriteOp,
  WriteResult,
} from '../../server/src/store/thread-store.ts';
import { mayRead } from '../../server/src/threads/access.ts';
import type { Actor } from '../../server/src/threads/access.ts';

/** A call whose answer is held back. */
interface Hold {
  /** Resolves when the call was made and has done its work; only its answer is missing. */
  readonly reached: Promise<void>;
  /** Lets the answer go. */
  release(): void;
}

type Holdable = 'write' | 'updateThread' | 'threads' | 'histories' | 'changesAfter' | 'revocations';

/** A ThreadStore in memory, for unit tests: same rules, no durability. It can be told to be away, or to wait. */
export class MemoryStore implements ThreadStore {
  readonly kind = 'embedded';
  /** While set, every call rejects as if the store were away. */
  isAway = false;
  /** Called before each read of histories has an effect; what it returns is awaited. */
  beforeRead: (() => Promise<void> | void) | undefined;
  readonly batches: number[] = [];
  readonly #threads = new Map<string, Thread>();
  readonly #messages = new Map<string, Message[]>();
  /** What there is of streams, ended or not, besides their messages; by id. */
  readonly #streams = new Map<string, StreamState & { readonly leaseUntil: number }>();
  readonly #audit = new Map<string, AuditEntry>();
  readonly #revocations = new Map<string, Revocation>();
  readonly #holds = new Map<Holdable, (() => Promise<void>)[]>();

  /** Holds back the answer of the next call of a method that nothing holds yet: what it read or wrote grows old. */
  hold(method: Holdable): Hold {
    let reach!: () => void;
    let release!: () => void;
    const reached = new Promise<void>((resolve) => {
      reach = resolve;
    });
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const wait = async (): Promise<void> => {
      reach();
      await released;
    };
    this.#holds.set(method, [...(this.#holds.get(method) ?? []), wait]);
    return { reached, release };
  }

  async write(ops: readonly WriteOp[]): Promise<WriteResult[]> {
    this.#check();
    this.batches.push(ops.length);
    const results = ops.map((op) => this.#apply(op));
    await this.#held('write');
    return results;
  }

  async appendAudit(entries: readonly AuditEntry[]): Promise<void> {
    this.#check();
    for (const entry of entries) if (!this.#audit.has(entry.id)) this.#audit.set(entry.id, entry);
  }

  async audit(limit: number, before = '~'): Promise<AuditEntry[]> {
    this.#check();
    const entries = [...this.#audit.values()].filter(({ id }) => id < before);
    return entries.sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, limit);
  }

  async revoke(revocation: Revocation): Promise<void> {
    this.#check();
    this.#revocations.set(revocation.userId, revocation);
  }

  async restore(userId: string): Promise<void> {
    this.#check();
    this.#revocations.delete(userId);
  }

  async revocations(): Promise<Revocation[]> {
    this.#check();
    const all = [...this.#revocations.values()].sort((a, b) => (a.userId < b.userId ? -1 : 1));
    await this.#held('revocations');
    return all;
  }

  async createThread(request: CreateThread) {
    this.#check();
    const existing = this.#threads.get(request.id);
    if (existing) {
      if (existing.created_by !== request.actor.id) return threadExists(request.id);
      return { ok: true as const, thread: this.#exact(existing), created: false };
    }
    const at = new Date(request.at).toISOString();
    const thread: Thread = {
      id: request.id,
      title: request.title,
      members: [...new Set(request.members)],
      metadata: request.metadata,
      created_by: request.actor.id,
      created_at: at,
      updated_at: at,
      head_seq: 0,
    };
    this.#threads.set(thread.id, thread);
    this.#messages.set(thread.id, []);
    return { ok: true as const, thread, created: true };
  }

  async updateThread(request: UpdateThread) {
    this.#check();
    const thread = this.#threads.get(request.threadId);
    const decision = decideThreadUpdate(thread, request);
    if (decision.do === 'refuse') return decision.refusal;
    const before = this.#exact(thread!);
    if (decision.do === 'nothing') return { ok: true as const, thread: before, before, changed: false };
    const changed = { ...thread!, ...decision.fields, updated_at: new Date(request.at).toISOString() };
    this.#threads.set(changed.id, changed);
    const after = this.#exact(changed);
    await this.#held('updateThread');
    return { ok: true as const, thread: after, before, changed: true };
  }

  async threads(ids: readonly string[]) {
    this.#check();
    const threads = ids.flatMap((id) => {
      const thread = this.#threads.get(id);
      return thread ? [this.#exact(thread)] : [];
    });
    await this.#held('threads');
    return threads;
  }

  async listThreads({ actor, after, limit }: { actor: Actor; after?: ListCursor | undefined; limit: number }) {
    this.#check();
    const at = (thread: Thread): number => Date.parse(thread.updated_at);
    const sorted = [...this.#threads.values()]
      .filter((thread) => mayRead(thread, actor))
      .map((thread) => this.#exact(thread))
      .sort((a, b) => at(b) - at(a) || (a.id < b.id ? 1 : -1))
      .filter(
        (thread) => !after || at(thread) < after.updatedAt || (at(thread) === after.updatedAt && thread.id < after.id),
      );
    const threads = sorted.slice(0, limit);
    const last = threads.at(-1);
    return sorted.length > limit && last ? { threads, next: { updatedAt: at(last), id: last.id } } : { threads };
  }

  async histories(requests: readonly HistoryRequest[], totalBytes?: number) {
    this.#check();
    const results = await readHistories(
      {
        thread: (id) => {
          const thread = this.#threads.get(id);
          return thread && this.#exact(thread);
        },
        countAfter: (id, seq, max) => Math.min(max, this.#after(id, seq).length),
        afterSeq: (id, seq, { limit }) => this.#after(id, seq).slice(0, limit),
        beforePosition: (id, position = Number.POSITIVE_INFINITY, { limit }) =>
          this.#of(id)
            .filter((message) => message.position < position)
            .reverse()
            .slice(0, limit),
        streaming: (id) => this.#of(id).filter((message) => message.status === 'streaming'),
      },
      requests,
      new Budget(totalBytes),
    );
    // What is read is as old as the read, however late it arrives.
    await this.beforeRead?.();
    await this.#held('histories');
    return results;
  }

  async changesAfter(threadId: string, seq: number, limit: number) {
    this.#check();
    const changes = { messages: this.#after(threadId, seq).slice(0, limit), headSeq: this.#head(threadId) };
    await this.#held('changesAfter');
    return changes;
  }

  async findStream(id: string) {
    this.#check();
    const stream = this.#streams.get(id);
    const message = [...this.#messages.values()].flat().find((message) => message.id === id);
    if (!stream || !message) return undefined;
    const { members, created_by } = this.#threads.get(message.thread_id)!;
    return { thread: { members, created_by }, message, epoch: stream.epoch, length: stream.length };
  }

  async abandonedStreams(at: number, limit: number) {
    this.#check();
    return [...this.#messages.values()]
      .flat()
      .filter(({ id, status }) => status === 'streaming' && this.#streams.get(id)!.leaseUntil <= at)
      .map(({ id, thread_id: threadId }) => ({ threadId, id, epoch: this.#streams.get(id)!.epoch }))
      .slice(0, limit);
  }

  async ping() {
    this.#check();
  }

  async close() {
    this.isAway = true;
  }

  /** Waits where the call is held; a store that has gone away meanwhile fails it. */
  async #held(method: Holdable): Promise<void> {
    const wait = this.#holds.get(method)?.shift();
    if (!wait) return;
    await wait();
    this.#check();
  }

  #check(): void {
    if (this.isAway) throw new StoreUnavailable('the store is away');
  }

  #of(threadId: string): Message[] {
    return this.#messages.get(threadId) ?? [];
  }

  #head(threadId: string): number {
    return Math.max(0, ...this.#of(threadId).map((message) => message.seq));
  }

  #after(threadId: string, seq: number): Message[] {
    return this.#of(threadId)
      .filter((message) => message.seq > seq)
      .sort((a, b) => a.seq - b.seq);
  }

  #exact(thread: Thread): Thread {
    const times = this.#of(thread.id).map((message) => message.updated_at);
    return {
      ...thread,
      head_seq: this.#head(thread.id),
      updated_at: [thread.updated_at, ...times].sort().at(-1)!,
    };
  }

  #apply(op: WriteOp): WriteResult {
    const refusal = checkThread(this.#threads.get(op.threadId), op);
    if (refusal) return refusal;
    switch (op.kind) {
      case 'append':
        return this.#append(op);
      case 'stream_start':
        return this.#startStream(op);
      case 'stream_text':
        return this.#appendText(op);
      case 'stream_end':
        return this.#endStream(op);
      case 'edit':
      case 'delete':
        return this.#change(op);
    }
  }

  #append(op: AppendOp): WriteResult {
    const repeat = this.#repeated(op);
    if (repeat) return { ok: true, message: repeat, changed: false };
    return { ok: true, message: this.#insert(op, op.content, 'complete'), changed: true };
  }

  #change(op: EditOp | DeleteOp): WriteResult {
    const message = this.#find(op);
    const decision = decideChange(message, op);
    if (decision.do === 'refuse') return decision.refusal;
    if (decision.do === 'nothing') return { ok: true, message: message!, changed: false };
    return { ok: true, message: this.#put({ ...message!, ...decision.fields, ...this.#next(op) }), changed: true };
  }

  #startStream(op: StreamStartOp): WriteResult {
    const { leaseUntil } = op;
    const repeat = this.#repeated(op);
    if (repeat) {
      const decision = decideStreamResume(this.#facts(repeat), op);
      if (typeof decision === 'object') return decision;
      const { epoch, length } = this.#streams.get(repeat.id)!;
      const stream = { epoch: decision === 'resume' ? epoch + 1 : epoch, length };
      this.#streams.set(repeat.id, { ...stream, leaseUntil });
      return { ok: true, message: repeat, changed: false, stream };
    }
    const running = this.#of(op.threadId).filter(({ status }) => status === 'streaming').length;
    const refusal = checkNewStream(running);
    if (refusal) return refusal;
    const stream = { epoch: 1, length: 0 };
    this.#streams.set(op.id, { ...stream, leaseUntil });
    return { ok: true, message: this.#insert(op, '', 'streaming'), changed: true, stream };
  }

  #appendText(op: StreamTextOp): WriteResult {
    const message = this.#find(op);
    const decision = decideStreamText(message && this.#facts(message), op);
    if (!('text' in decision)) return decision;
    const { length, text } = decision;
    this.#put({ ...message!, content: message!.content + text });
    this.#streams.set(op.id, { epoch: op.epoch, length, leaseUntil: op.leaseUntil });
    return { ok: true, length };
  }

  #endStream(op: StreamEndOp): WriteResult {
    const message = this.#find(op);
    const decision = decideStreamEnd(message && this.#facts(message), op);
    if (typeof decision === 'object') return decision;
    const { epoch, length } = this.#streams.get(op.id)!;
    const stream = { epoch, length };
    if (decision === 'nothing') return { ok: true, message: message!, changed: false, stream };
    const { status, error, metadata = message!.metadata } = op;
    const ended = { ...message!, status, metadata, ...(error === undefined ? {} : { error }), ...this.#next(op) };
    return { ok: true, message: this.#put(ended), changed: true, stream };
  }

  #repeated({ threadId, actor, messageId }: AppendOp | StreamStartOp): Message | undefined {
    return this.#of(threadId).find((m) => m.sender.id === actor.id && m.message_id === messageId);
  }

  #find({ threadId, id }: { readonly threadId: string; readonly id: string }): Message | undefined {
    return this.#of(threadId).find((message) => message.id === id);
  }

  #facts({ id, sender, status }: Message): StreamFacts | undefined {
    const stream = this.#streams.get(id);
    return stream && { ...stream, senderId: sender.id, status };
  }

  /** What the next change of a thread brings to the message it is of. */
  #next({ threadId, at }: { readonly threadId: string; readonly at: number }): Pick<Message, 'seq' | 'updated_at'> {
    return { seq: this.#head(threadId) + 1, updated_at: new Date(at).toISOString() };
  }

  #insert(op: AppendOp | StreamStartOp, content: string, status: Message['status']): Message {
    const { id, threadId, actor, messageId, role, metadata } = op;
    const { seq, updated_at } = this.#next(op);
    const message: Message = {
      id,
      thread_id: threadId,
      position: seq,
      seq,
      message_id: messageId,
      sender: actor.name === undefined ? { id: actor.id } : { id: actor.id, name: actor.name },
      role,
      content,
      metadata,
      status,
      created_at: updated_at,
      updated_at,
    };
    this.#of(threadId).push(message);
    return message;
  }

  #put(message: Message): Message {
    const messages = this.#of(message.thread_id);
    messages[messages.findIndex(({ id }) => id === message.id)] = message;
    return message;
  }
}
