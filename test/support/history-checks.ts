import { limits } from '@threadwire/protocol';
import type { Message, ThreadHistory } from '@threadwire/protocol';

/** From which position on a page by position is complete. */
export function pageFloor(history: ThreadHistory, ifEmpty: number): number {
  if (!history.has_more) return 0;
  return history.messages[0]?.position ?? ifEmpty;
}

/** Whether the messages are by seq or by position as they should be, and on the right one of the two lists. */
export function isInOrder({ messages, streaming }: ThreadHistory, bySeq: boolean): boolean {
  const numbers = messages.map((message) => (bySeq ? message.seq : message.position));
  return (
    numbers.every((number, index) => index === 0 || number > numbers[index - 1]!) &&
    messages.every((message) => message.status !== 'streaming') &&
    streaming.every((message) => message.status === 'streaming')
  );
}

/** Every message that the page covers must be in it as it is; but for those that have changed since. */
export function missingFrom(
  history: ThreadHistory,
  final: readonly Message[],
  covers: (message: Message) => boolean,
  upTo: number,
): { message: Message; instead: string }[] {
  const given = new Map([...history.streaming, ...history.messages].map((message) => [message.id, message.seq]));
  return final
    .filter((message) => message.seq <= upTo && covers(message) && given.get(message.id) !== message.seq)
    .map((message) => {
      const seq = given.get(message.id);
      return { message, instead: seq === undefined ? 'missing' : `at seq ${seq}` };
    });
}

/** Whether an answer that starts afresh need not have. */
export function needlessReset(final: readonly Message[], after: number, head: number): boolean {
  // What changed above a seq stays changed above it: there were not more of them then than there are now.
  const changes = final.filter((message) => message.seq > after).length;
  return after <= head && changes <= limits.maxRecoverableChanges;
}
