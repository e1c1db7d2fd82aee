import type { Message, ServerPayload } from '@threadwire/protocol';
import type { AccessChange, RecordedLog } from './recorded-log.ts';
import { sameJson } from './same-json.ts';

/** What can be wrong, with the guarantee of the contract that it breaks. */
export const violationKinds = {
  acked_message_missing: 'G1',
  acked_change_lost: 'G1',
  seen_but_not_stored: 'G1',
  head_went_back: 'G1',
  two_messages_for_one_key: 'G2',
  acked_as_new_twice: 'G2',
  announced_twice: 'G2',
  wrong_ack: 'G2',
  gap_in_store: 'G3',
  shared_number: 'G3',
  bad_number: 'G3',
  identity_changed: 'G3',
  two_payloads_for_one_seq: 'G3',
  event_before_answer: 'G4',
  out_of_order: 'G4',
  gap: 'G4',
  behind_head: 'G4',
  diverged: 'G4',
  missing_from_answer: 'G5',
  needless_reset: 'G5',
  page_out_of_order: 'G5',
  text_taken_back: 'G6',
  leak_without_access: 'G8',
  leak_after_unsubscribe: 'G8',
  leak_after_removal: 'G8',
  not_removed: 'G8',
} as const;

export type ViolationKind = keyof typeof violationKinds;

/** One way in which a log breaks the contract. */
export interface Violation {
  readonly kind: ViolationKind;
  readonly guarantee: (typeof violationKinds)[ViolationKind];
  readonly thread_id: string;
  /** The client that saw it; absent where it shows in the store or in acks. */
  readonly view?: string;
  readonly seq?: number;
  readonly text: string;
}

export type Report = (
  kind: ViolationKind,
  where: { thread_id: string; view?: string | undefined; seq?: number | undefined },
  text: string,
) => void;

/** Where something was seen: in the store at the end, in an ack, or by a view. */
export interface Source {
  readonly name: string;
  readonly ifLost: 'acked_message_missing' | 'acked_change_lost' | 'seen_but_not_stored';
  readonly view?: string;
}

type StreamEnd = ServerPayload<'stream_end'>;
type Witness = { readonly source: string } & (
  | { readonly id: string; readonly message: Message; readonly end?: never }
  | { readonly id: string; readonly message?: never; readonly end: StreamEnd }
);

/** What is known of one thread from everybody together: the store's state, and whose change took which seq. */
export class ThreadFacts {
  readonly threadId: string;
  readonly final: readonly Message[];
  readonly finalById: ReadonlyMap<string, Message>;
  readonly head: number;
  readonly #report: Report;
  readonly #access: readonly AccessChange[];
  /** Whose change took a seq, as far as anybody saw. */
  readonly #idOf = new Map<number, string>();
  readonly #bySeq = new Map<number, Witness[]>();
  readonly #firstById = new Map<string, Message>();
  readonly #idByKey = new Map<string, string>();

  constructor(threadId: string, log: RecordedLog, report: Report) {
    this.threadId = threadId;
    this.#report = report;
    this.final = log.final[threadId] ?? [];
    this.finalById = new Map(this.final.map((message) => [message.id, message]));
    this.head = Math.max(0, ...this.final.map((message) => message.seq));
    this.#access = log.access.filter((change) => change.thread_id === threadId);
    for (const message of this.final) {
      this.#learn(message, { name: 'the store', ifLost: 'seen_but_not_stored' });
      // Creation took this seq, whatever nobody saw of it.
      this.#idOf.set(message.position, message.id);
    }
    for (const message of this.final) this.#idOf.set(message.seq, message.id);
  }

  /** Adds a message that somebody was given, and reports where it contradicts what is known. */
  observe(message: Message, source: Source): void {
    this.#learn(message, source);
    this.#mustBeStored(message.id, message.seq, source);
  }

  observeEnd(end: StreamEnd, source: Source): void {
    this.#compare(end.seq, { id: end.stream_id, end, source: source.name }, source);
    this.#mustBeStored(end.stream_id, end.seq, source);
  }

  /** Whether no client needs to be told of this seq any more, because its message has a later one. */
  wasSuperseded(seq: number): boolean {
    const id = this.#idOf.get(seq);
    if (id !== undefined) return (this.finalById.get(id)?.seq ?? 0) > seq;
    // Nobody saw whose it was: it can only have been a change of a message that changed again.
    return this.final.some((message) => message.position < seq && seq < message.seq);
  }

  mayRead(user: string, seq: number): boolean {
    return this.#access.findLast((change) => change.user === user && change.from_seq <= seq)?.may ?? true;
  }

  #learn(message: Message, source: Source): void {
    // Most of what is seen was seen before.
    if (this.#bySeq.get(message.seq)?.some((known) => known.message && sameJson(known.message, message))) return;
    const where = { thread_id: this.threadId, view: source.view, seq: message.seq };
    if (message.position > message.seq || message.position < 1) {
      this.#report('bad_number', where, `${source.name}: position ${message.position} of seq ${message.seq}`);
    }
    const first = this.#firstById.get(message.id);
    if (!first) {
      this.#firstById.set(message.id, message);
    } else if (!sameJson(identity(first), identity(message))) {
      const text = `${source.name}: ${JSON.stringify(identity(message))} was ${JSON.stringify(identity(first))}`;
      this.#report('identity_changed', where, text);
    }
    const key = JSON.stringify([message.sender.id, message.message_id]);
    const id = this.#idByKey.get(key);
    if (id === undefined) {
      this.#idByKey.set(key, message.id);
    } else if (id !== message.id) {
      this.#report('two_messages_for_one_key', where, `${source.name}: ${key} is ${id} and ${message.id}`);
    }
    this.#compare(message.seq, { id: message.id, message, source: source.name }, source);
  }

  #compare(seq: number, witness: Witness, source: Source): void {
    const others = this.#bySeq.get(seq);
    if (!others) {
      this.#bySeq.set(seq, [witness]);
      if (!this.#idOf.has(seq)) this.#idOf.set(seq, witness.id);
      return;
    }
    const other = others.find((candidate) => !agree(candidate, witness));
    if (other) {
      const text = `${source.name} has ${show(witness)}, ${other.source} has ${show(other)}`;
      this.#report('two_payloads_for_one_seq', { thread_id: this.threadId, view: source.view, seq }, text);
    } else if (!others.some((candidate) => (candidate.end === undefined) === (witness.end === undefined))) {
      others.push(witness);
    }
  }

  #mustBeStored(id: string, seq: number, source: Source): void {
    const stored = this.finalById.get(id)?.seq;
    if (stored !== undefined && stored >= seq) return;
    const now = stored === undefined ? 'is not in the store' : `is at seq ${stored} in the store`;
    const where = { thread_id: this.threadId, view: source.view, seq };
    this.#report(source.ifLost, where, `${source.name}: ${id} at seq ${seq} ${now}`);
  }
}

/** What of a message never changes. */
function identity({ id, thread_id, position, message_id, sender, role, created_at }: Message): object {
  return { id, thread_id, position, message_id, sender, role, created_at };
}

/** Whether two accounts of what took a seq can both be true: a streaming text grows without taking one. */
function agree(a: Witness, b: Witness): boolean {
  if (a.id !== b.id) return false;
  if (a.message && b.message) {
    if (a.message.status !== 'streaming' || b.message.status !== 'streaming') {
      return sameJson(a.message, b.message);
    }
    const [short, long] = [a.message.content, b.message.content].toSorted((x, y) => x.length - y.length);
    const settled = { content: '', updated_at: '' };
    return long!.startsWith(short!) && sameJson({ ...a.message, ...settled }, { ...b.message, ...settled });
  }
  if (a.end && b.end) return sameJson(a.end, b.end);
  const [message, end] = a.message ? [a.message, b.end!] : [b.message!, a.end];
  return (
    message.status === end.status &&
    message.content.length === end.length &&
    message.updated_at === end.updated_at &&
    message.error === end.error &&
    (end.metadata === undefined || sameJson(message.metadata, end.metadata))
  );
}

function show(witness: Witness): string {
  return JSON.stringify(witness.message ?? witness.end).slice(0, 400);
}
