import type { Message } from '@threadwire/protocol';
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions';
import { placeOf } from './reply-place.ts';

export interface ConversationLimits {
  /** Said first; empty: nothing is. */
  readonly systemPrompt: string;
  /** Messages before the one that is answered. */
  readonly maxHistoryMessages: number;
  /** UTF-16 code units of their contents. */
  readonly maxHistoryLength: number;
}

const maxNameLength = 64;

/** What a model is given to answer a message: the latest of what was said before it, and the message itself. */
export function conversation(
  message: Message,
  history: readonly Message[],
  limits: ConversationLimits,
): ChatCompletionMessageParam[] {
  const earlier = history.filter((other) => placeOf(other) < message.position && isSaid(other)).sort(byPlace);
  const said = [...newest(earlier, limits), message];
  const people = new Set(said.filter(({ role }) => role === 'user').map(({ sender }) => sender.id));
  const { systemPrompt } = limits;
  return [
    ...(systemPrompt === '' ? [] : [{ role: 'system' as const, content: systemPrompt }]),
    ...said.map((one) => asParam(one, people.size > 1)),
  ];
}

function byPlace(a: Message, b: Message): number {
  return placeOf(a) - placeOf(b) || a.position - b.position;
}

/** A reply that was cancelled or interrupted counts: people saw it. One that failed does not, and one that grows is not said yet. */
function isSaid({ status, content }: Message): boolean {
  return status !== 'deleted' && status !== 'streaming' && status !== 'failed' && content.trim() !== '';
}

/** The last messages that are within the limits, in the same order. */
function newest(messages: readonly Message[], { maxHistoryMessages, maxHistoryLength }: ConversationLimits): Message[] {
  const kept: Message[] = [];
  let length = 0;
  for (const message of messages.toReversed()) {
    length += message.content.length;
    if (kept.length === maxHistoryMessages || length > maxHistoryLength) break;
    kept.push(message);
  }
  return kept.reverse();
}

function asParam({ role, sender, content }: Message, isNamed: boolean): ChatCompletionMessageParam {
  switch (role) {
    case 'assistant':
    case 'system':
      return { role, content };
    case 'user':
      return { role, content: isNamed ? `${nameOf(sender)}: ${content}` : content };
    case 'tool':
      // The API takes a tool's result only as the answer to a call that it knows, and of such calls there is no record.
      return { role: 'user', content: `Result of a tool (${nameOf(sender)}): ${content}` };
  }
}

/** On one line, so that a name cannot look like somebody else's message. */
function nameOf({ id, name }: Message['sender']): string {
  const line = name?.replace(/[\s\p{Cc}]+/gu, ' ').trim() ?? '';
  return line === '' ? id : [...line].slice(0, maxNameLength).join('');
}
