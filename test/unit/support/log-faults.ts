import type { Message, ServerPayload } from '@threadwire/protocol';
import type { ViolationKind } from '../../support/log-checker.ts';
import type { HistoryEntry, RecordedLog, RoomEventEntry, View, ViewEntry } from '../../support/recorded-log.ts';

/** Breaks a correct log in one place, chosen by `dice`; false where the log has no such place. */
type Inject = (log: RecordedLog, dice: number) => boolean;

interface Fault {
  readonly name: string;
  /** At least one of these must be found; others may be, since one fault often has several consequences. */
  readonly found: readonly ViolationKind[];
  readonly inject: Inject;
}

type DurableEntry = Exclude<RoomEventEntry, { event: 'stream_chunk' }>;

/** What one view got of one thread between an answer to a subscribe and whatever ended that subscription. */
interface Subscription {
  readonly view: View;
  readonly threadId: string;
  readonly start: number;
  readonly end: number;
  readonly base: number;
  /** It lasted until the log's end. */
  readonly live: boolean;
  /** The first on its connection. */
  readonly first: boolean;
}

function threadOf(entry: ViewEntry): string | undefined {
  if (entry.kind === 'event') return entry.payload.thread_id;
  return 'thread_id' in entry ? entry.thread_id : undefined;
}

function subscriptions(log: RecordedLog): Subscription[] {
  const found: Subscription[] = [];
  for (const view of log.views) {
    for (const threadId of Object.keys(log.final)) {
      let start: number | undefined;
      let first = true;
      const close = (end: number) => {
        if (start === undefined) return;
        const base = (view.entries[start] as HistoryEntry).history.head_seq;
        found.push({ view, threadId, start, end, base, live: end === view.entries.length, first });
        start = undefined;
        first = false;
      };
      for (const [index, entry] of view.entries.entries()) {
        if (entry.kind === 'connected') first = true;
        if (entry.kind === 'disconnected') close(index);
        if (threadOf(entry) !== threadId) continue;
        if (entry.kind === 'unsubscribed' || entry.kind === 'removed') {
          close(index);
          // Also where there was nothing to unsubscribe from.
          first = false;
        }
        if (entry.kind === 'history' && entry.subscribes) {
          close(index);
          start = index;
        }
      }
      close(view.entries.length);
    }
  }
  return found;
}

/** The events of a subscription that its client applied, in order. */
function applied({ view, threadId, start, end, base }: Subscription): { index: number; entry: DurableEntry }[] {
  let last = base;
  const events: { index: number; entry: DurableEntry }[] = [];
  for (const [offset, entry] of view.entries.slice(start + 1, end).entries()) {
    if (entry.kind !== 'event' || entry.event === 'stream_chunk' || entry.payload.thread_id !== threadId) continue;
    if (entry.payload.seq <= last) continue;
    last = entry.payload.seq;
    events.push({ index: start + 1 + offset, entry });
  }
  return events;
}

function pick<T>(items: readonly T[], dice: number): T | undefined {
  return items.length === 0 ? undefined : items[dice % items.length];
}

/** Builds a fault from the places where it could be, and what is done to one of them. */
function at<T>(places: (log: RecordedLog) => readonly T[], harm: (place: T, log: RecordedLog) => void): Inject {
  return (log, dice) => {
    const place = pick(places(log), dice);
    if (place === undefined) return false;
    harm(place, log);
    return true;
  };
}

const allFinal = (log: RecordedLog) => Object.values(log.final).flat();
const isCurrent = (log: RecordedLog, { payload }: DurableEntry) =>
  log.final[payload.thread_id]!.some((message) => message.seq === payload.seq);
const headOf = (messages: readonly Message[]) => Math.max(0, ...messages.map((message) => message.seq));

const appliedIn = (log: RecordedLog, only: (subscription: Subscription) => boolean = () => true) =>
  subscriptions(log)
    .filter(only)
    .flatMap((subscription) => {
      const events = applied(subscription);
      return events.map((event, order) => ({ ...event, subscription, next: events[order + 1] }));
    });

const answers = (log: RecordedLog, only: (entry: HistoryEntry) => boolean) =>
  log.views.flatMap((view) =>
    view.entries.filter((entry): entry is HistoryEntry => entry.kind === 'history' && only(entry)),
  );

/** Messages of answers that must be there, since they have not changed after the answer. */
const dueIn = (log: RecordedLog, only: (entry: HistoryEntry) => boolean) =>
  answers(log, only).flatMap((entry) =>
    entry.history.messages
      .filter(({ id, seq }, index, all) => {
        // The edge of a page says how far the page reaches.
        const edge = entry.history.has_more && (entry.history.recovered ? index === all.length - 1 : index === 0);
        const due =
          seq <= entry.history.head_seq && log.final[entry.thread_id]!.some((m) => m.id === id && m.seq === seq);
        return due && !edge;
      })
      .map((message) => ({ entry, message })),
  );

const without = (subscription: Subscription, seq: number) => {
  const { view, threadId, start, end } = subscription;
  const kept = view.entries.filter(
    (entry, index) =>
      index <= start ||
      index >= end ||
      !(
        entry.kind === 'event' &&
        entry.event !== 'stream_chunk' &&
        threadOf(entry) === threadId &&
        entry.payload.seq === seq
      ),
  );
  view.entries.splice(0, view.entries.length, ...kept);
};

/** Chunks whose text reaches a client that stays to the end in no other way. */
const vitalChunks = (log: RecordedLog) =>
  subscriptions(log).flatMap(({ view, threadId, start, live }) => {
    const rest = view.entries.slice(start + 1);
    if (!live || rest.some((entry) => entry.kind === 'history' && entry.thread_id === threadId)) return [];
    return rest.flatMap((entry, offset) => {
      if (entry.kind !== 'event' || entry.event !== 'stream_chunk' || entry.payload.thread_id !== threadId) return [];
      const { stream_id, offset: from } = entry.payload;
      const stored = log.final[threadId]!.find(({ id }) => id === stream_id)!;
      const begun = rest
        .slice(0, offset)
        .some((e) => e.kind === 'event' && e.event === 'stream_start' && e.payload.id === stream_id);
      const toldOtherwise = rest.slice(offset + 1).some((later) => {
        if (later.kind !== 'event' || later.event === 'stream_end') return false;
        if (later.event === 'stream_chunk')
          return later.payload.stream_id === stream_id && later.payload.offset <= from;
        return later.payload.id === stream_id;
      });
      const index = start + 1 + offset;
      return stored.status === 'deleted' || !begun || toldOtherwise ? [] : [{ view, index, chunk: entry.payload }];
    });
  });

const put = (view: View, index: number, entry: ViewEntry) => view.entries.splice(index, 0, entry);
const someEvent = (log: RecordedLog, threadId: string): RoomEventEntry => ({
  kind: 'event',
  event: 'message_updated',
  payload: log.final[threadId]!.toSorted((a, b) => b.seq - a.seq)[0]!,
});
const markers = (log: RecordedLog, kind: 'unsubscribed' | 'removed') =>
  log.views.flatMap((view) =>
    view.entries.flatMap((entry, index) =>
      entry.kind === kind && log.final[entry.thread_id]!.length > 0 ? [{ view, index, threadId: entry.thread_id }] : [],
    ),
  );

/** Every way to break a log that the checker must find. */
export const faults: readonly Fault[] = [
  {
    name: 'an event is lost',
    found: ['gap'],
    inject: at(
      (log) => appliedIn(log).filter(({ entry, next }) => next && isCurrent(log, entry)),
      ({ subscription, entry }) => without(subscription, entry.payload.seq),
    ),
  },
  {
    name: 'the last event is lost',
    found: ['behind_head'],
    inject: at(
      (log) => appliedIn(log, ({ live }) => live).filter(({ next, entry }) => !next && isCurrent(log, entry)),
      ({ subscription, entry }) => without(subscription, entry.payload.seq),
    ),
  },
  {
    name: 'two events change places',
    found: ['out_of_order'],
    inject: at(
      (log) => appliedIn(log).filter(({ next }) => next),
      ({ subscription: { view }, index, entry, next }) => {
        view.entries[index] = next!.entry;
        view.entries[next!.index] = entry;
      },
    ),
  },
  {
    name: 'a message is announced a second time under a later seq',
    found: ['announced_twice'],
    inject: at(
      (log) => appliedIn(log, ({ live }) => live).filter(({ entry }) => entry.event === 'thread_message'),
      ({ subscription: { view, threadId }, entry }, log) => {
        const payload = { ...(entry.payload as Message), seq: headOf(log.final[threadId]!) + 1 };
        view.entries.push({ kind: 'event', event: 'thread_message', payload });
      },
    ),
  },
  {
    name: 'an edit is announced as a new message to somebody who had it',
    found: ['announced_twice'],
    inject: at(
      (log) => {
        const events = appliedIn(log);
        return events.filter(
          ({ entry, subscription }) =>
            entry.event === 'message_updated' &&
            events.some(
              (other) =>
                other.subscription === subscription &&
                other.entry.event === 'thread_message' &&
                other.entry.payload.id === entry.payload.id &&
                other.entry.payload.seq < entry.payload.seq,
            ),
        );
      },
      ({ subscription: { view }, index, entry }) => {
        view.entries[index] = { ...entry, event: 'thread_message' } as RoomEventEntry;
      },
    ),
  },
  {
    name: 'one seq is announced with two messages',
    found: ['two_payloads_for_one_seq'],
    inject: at(
      (log) => appliedIn(log).filter(({ entry }) => entry.event !== 'stream_end'),
      ({ subscription: { view }, index, entry }) => {
        const payload = { ...(entry.payload as Message), id: 'other', message_id: 'other' };
        put(view, index + 1, { kind: 'event', event: 'thread_message', payload });
      },
    ),
  },
  {
    name: 'an event has another content than the store',
    found: ['two_payloads_for_one_seq'],
    inject: at(
      (log) => appliedIn(log).filter(({ entry }) => entry.event !== 'stream_end' && entry.event !== 'stream_start'),
      ({ subscription: { view }, index, entry }) => {
        view.entries[index] = { ...entry, payload: { ...entry.payload, content: 'wrong' } } as RoomEventEntry;
      },
    ),
  },
  {
    name: 'a stream_end has another length than the store',
    found: ['two_payloads_for_one_seq'],
    inject: at(
      (log) => appliedIn(log).filter(({ entry }) => entry.event === 'stream_end'),
      ({ subscription: { view }, index, entry }) => {
        const payload = { ...(entry.payload as ServerPayload<'stream_end'>), length: 7777 };
        view.entries[index] = { kind: 'event', event: 'stream_end', payload };
      },
    ),
  },
  {
    name: 'the store ends up with another content than was acknowledged',
    found: ['two_payloads_for_one_seq'],
    inject: at(
      (log) => allFinal(log).filter(({ status }) => status !== 'streaming'),
      (message) => Object.assign(message, { content: 'wrong' }),
    ),
  },
  {
    name: 'the store ends up with another streamed text than was sent',
    found: ['text_taken_back', 'diverged'],
    inject: at(
      (log) => {
        const told = new Set(vitalChunks(log).map(({ chunk }) => chunk.stream_id));
        return allFinal(log).filter(({ id, status }) => status === 'streaming' && told.has(id));
      },
      (message) => Object.assign(message, { content: 'wrong' }),
    ),
  },
  {
    name: 'a send is acknowledged but never stored',
    found: ['acked_message_missing'],
    inject: at(
      (log) => log.sends,
      (send, log) => {
        const message_id = 'phantom';
        log.sends.push({ ...send, message_id, message: { ...send.message, id: 'phantom', message_id } });
      },
    ),
  },
  {
    name: 'an acknowledged message is gone',
    found: ['acked_message_missing'],
    inject: at(
      (log) => log.sends.filter(({ duplicate }) => !duplicate),
      ({ thread_id, message }, log) => {
        log.final[thread_id] = log.final[thread_id]!.filter(({ id }) => id !== message.id);
      },
    ),
  },
  {
    name: 'a message is stored twice',
    found: ['two_messages_for_one_key'],
    inject: at(
      (log) => allFinal(log),
      (message, log) => {
        const messages = log.final[message.thread_id]!;
        const seq = headOf(messages) + 1;
        messages.push({ ...message, id: 'twin', seq, position: seq });
      },
    ),
  },
  {
    name: 'an acknowledged edit is undone',
    found: ['acked_change_lost'],
    inject: at(
      (log) => log.changes.filter((change) => change.seq > change.position),
      (change, log) => {
        const stored = allFinal(log).find(({ id }) => id === change.id)!;
        Object.assign(stored, { seq: stored.position, content: 'as it was' });
      },
    ),
  },
  {
    name: 'an announced message is not in the store',
    found: ['seen_but_not_stored'],
    inject: at(
      (log) => appliedIn(log, ({ live }) => live).filter(({ next }) => !next),
      ({ subscription: { view, threadId } }, log) => {
        const messages = log.final[threadId]!;
        const seq = headOf(messages) + 1;
        const payload = { ...messages[0]!, id: 'ghost', message_id: 'ghost', seq, position: seq };
        view.entries.push({ kind: 'event', event: 'thread_message', payload });
      },
    ),
  },
  {
    name: 'the store skips a seq',
    found: ['gap_in_store'],
    inject: at(
      (log) => Object.values(log.final).filter((messages) => messages.length > 0),
      (messages) => {
        const seq = headOf(messages) + 2;
        messages.push({ ...messages[0]!, id: 'late', message_id: 'late', seq, position: seq });
      },
    ),
  },
  {
    name: 'two messages have one position',
    found: ['shared_number'],
    inject: at(
      (log) => Object.values(log.final).filter((messages) => messages.length > 1),
      (messages) => Object.assign(messages[1]!, { position: messages[0]!.position }),
    ),
  },
  {
    name: 'two messages have one seq',
    found: ['shared_number'],
    inject: at(
      (log) => Object.values(log.final).filter((messages) => messages.length > 1),
      (messages) => Object.assign(messages[1]!, { seq: messages[0]!.seq }),
    ),
  },
  {
    name: 'a position is above its seq',
    found: ['bad_number'],
    inject: at(
      (log) => allFinal(log),
      (message) => Object.assign(message, { position: message.seq + 1 }),
    ),
  },
  {
    name: 'an update moves a message',
    found: ['identity_changed'],
    inject: at(
      (log) => appliedIn(log).filter(({ entry }) => entry.event === 'message_updated' && entry.payload.position > 1),
      ({ subscription: { view }, index, entry }) => {
        view.entries[index] = { ...entry, payload: { ...entry.payload, position: 1 } } as RoomEventEntry;
      },
    ),
  },
  {
    name: 'an event overtakes the answer to the subscribe',
    found: ['event_before_answer'],
    inject: at(
      (log) => appliedIn(log, ({ first }) => first),
      ({ subscription: { view, start }, index, entry }) => {
        view.entries.splice(index, 1);
        put(view, start, entry);
      },
    ),
  },
  {
    name: 'an event follows the answer to an unsubscribe',
    found: ['leak_after_unsubscribe'],
    inject: at(
      (log) => markers(log, 'unsubscribed'),
      ({ view, index, threadId }, log) => put(view, index + 1, someEvent(log, threadId)),
    ),
  },
  {
    name: 'an event follows the removal',
    found: ['leak_after_removal'],
    inject: at(
      (log) => markers(log, 'removed'),
      ({ view, index, threadId }, log) => put(view, index + 1, someEvent(log, threadId)),
    ),
  },
  {
    name: 'an event reaches somebody who was removed and not told',
    found: ['leak_without_access'],
    inject: at(
      (log) => appliedIn(log),
      ({ subscription: { view }, entry }, log) => {
        const { thread_id, seq } = entry.payload;
        log.access.push({ thread_id, user: view.user, may: false, from_seq: seq });
      },
    ),
  },
  {
    name: 'a page reaches somebody who may not read the thread',
    found: ['leak_without_access'],
    inject: at(
      (log) =>
        log.views.flatMap((view) =>
          view.entries.flatMap((entry) => (entry.kind === 'history' ? [{ view, entry }] : [])),
        ),
      ({ view, entry }, log) => {
        log.access.push({ thread_id: entry.thread_id, user: view.user, may: false, from_seq: 0 });
      },
    ),
  },
  {
    name: 'a removed subscriber is not told and stays',
    found: ['not_removed'],
    inject: at(
      (log) => subscriptions(log).filter(({ live }) => live),
      ({ view, threadId }, log) => {
        const from_seq = headOf(log.final[threadId]!) + 1;
        log.access.push({ thread_id: threadId, user: view.user, may: false, from_seq });
      },
    ),
  },
  {
    name: 'a recovery leaves a changed message out',
    found: ['missing_from_answer'],
    inject: at(
      (log) => dueIn(log, ({ history }) => history.recovered),
      ({ entry, message }) => void entry.history.messages.splice(entry.history.messages.indexOf(message), 1),
    ),
  },
  {
    name: 'a page leaves a message out',
    found: ['missing_from_answer'],
    inject: at(
      (log) => dueIn(log, ({ history }) => !history.recovered),
      ({ entry, message }) => void entry.history.messages.splice(entry.history.messages.indexOf(message), 1),
    ),
  },
  {
    name: 'an answer has a message as it was before',
    found: ['missing_from_answer'],
    inject: at(
      (log) => dueIn(log, () => true).filter(({ message }) => message.seq > message.position),
      ({ entry, message }) => {
        const before = { ...message, seq: message.position };
        entry.history.messages.splice(entry.history.messages.indexOf(message), 1, before);
      },
    ),
  },
  {
    name: 'a message still streaming is left out of an answer',
    found: ['missing_from_answer'],
    inject: at(
      (log) =>
        answers(log, ({ thread_id, history, before_position }) =>
          history.streaming.some(
            ({ id, seq, position }) =>
              !history.has_more &&
              position < (before_position ?? Number.POSITIVE_INFINITY) &&
              seq <= history.head_seq &&
              log.final[thread_id]!.some((message) => message.id === id && message.seq === seq),
          ),
        ).filter(({ history, after_seq = -1 }) => history.streaming.every(({ seq }) => seq > after_seq)),
      ({ history }) => void history.streaming.splice(0),
    ),
  },
  {
    name: 'what was seen before a break is unknown after it',
    found: ['head_went_back'],
    inject: at(
      (log) =>
        log.views.flatMap((view) => {
          const again = view.entries.findLastIndex(({ kind }) => kind === 'connected');
          const before = view.entries.slice(0, again);
          return view.entries
            .slice(again)
            .filter((entry): entry is HistoryEntry => entry.kind === 'history')
            .filter(({ thread_id }) =>
              before.some(
                (entry) => entry.kind === 'history' && entry.thread_id === thread_id && entry.history.head_seq > 0,
              ),
            );
        }),
      (entry) => Object.assign(entry.history, { head_seq: 0, messages: [], streaming: [], has_more: false }),
    ),
  },
  {
    name: 'a recovery starts afresh without need',
    found: ['needless_reset'],
    inject: at(
      (log) => answers(log, ({ history, after_seq }) => history.recovered && after_seq !== undefined),
      (entry) => Object.assign(entry.history, { recovered: false }),
    ),
  },
  {
    name: 'a page is not in order',
    found: ['page_out_of_order'],
    inject: at(
      (log) => answers(log, ({ history }) => history.messages.length > 1),
      (entry) => void entry.history.messages.reverse(),
    ),
  },
  {
    name: 'a repeat is acknowledged as new',
    found: ['acked_as_new_twice'],
    inject: at(
      (log) => log.sends.filter(({ duplicate }) => !duplicate),
      (send, log) => log.sends.push({ ...send }),
    ),
  },
  {
    name: 'a repeat is acknowledged as another message',
    found: ['two_messages_for_one_key'],
    inject: at(
      (log) => log.sends,
      (send, log) => log.sends.push({ ...send, duplicate: true, message: { ...send.message, id: 'other' } }),
    ),
  },
  {
    name: 'a send is answered with somebody else’s message',
    found: ['wrong_ack'],
    inject: at(
      (log) => log.sends,
      (send, log) => log.sends.push({ ...send, message_id: 'mine' }),
    ),
  },
  {
    name: 'a chunk is lost',
    found: ['diverged'],
    inject: at(vitalChunks, ({ view, index }) => void view.entries.splice(index, 1)),
  },
  {
    name: 'a chunk has another text than the store',
    found: ['diverged', 'two_payloads_for_one_seq'],
    inject: at(vitalChunks, ({ view, index, chunk }) => {
      const payload = { ...chunk, delta: chunk.delta.replaceAll(/./g, '#') };
      view.entries[index] = { kind: 'event', event: 'stream_chunk', payload };
    }),
  },
  {
    name: 'text that was sent is taken back',
    found: ['text_taken_back'],
    inject: at(vitalChunks, ({ view, index, chunk }) => {
      put(view, index + 1, { kind: 'event', event: 'stream_chunk', payload: { ...chunk, delta: '#' } });
    }),
  },
];
