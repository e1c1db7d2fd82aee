import { setTimeout as delay } from 'node:timers/promises';
import type { Message } from '@threadwire/protocol';
import { codeAnswer } from './code-answer.ts';
import { longAnswer } from './long-answer.ts';
import { quote } from './quote.ts';
import { ResponderError } from './responder.ts';
import type { RespondContext, Responder } from './responder.ts';
import { statisticsTable } from './statistics-table.ts';
import { wordsOf } from './words-of.ts';

export interface BuiltInResponderOptions {
  /** Resolves after `ms`, or rejects when the signal is aborted; injected by tests. */
  readonly delay?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

interface Answer {
  readonly text: string;
  /** Between two words (ms). */
  readonly pauseMs: number;
  /** How it ends, where that is not well. */
  readonly failure?: string;
}

type Command = (message: Message, context: RespondContext) => Promise<Answer> | Answer;

/** An ordinary answer takes some three seconds at this pace, the long one not much over twenty. */
const pauseMs = 30;
const longPauseMs = 15;
const slowPauseMs = 1000;

const commands: Readonly<Record<string, { readonly does: string; readonly answer: Command }>> = {
  long: {
    does: 'a long answer with headings, lists and a table',
    answer: () => ({ text: longAnswer, pauseMs: longPauseMs }),
  },
  code: {
    does: 'code in several languages',
    answer: ({ thread_id: threadId }) => ({ text: codeAnswer(threadId), pauseMs }),
  },
  slow: {
    does: 'a word a second: press Stop, reload the page, or restart the server',
    answer: () => ({ text: slowText, pauseMs: slowPauseMs }),
  },
  fail: {
    does: 'a reply that fails halfway',
    answer: () => ({ text: failText, pauseMs, failure: 'This reply failed because it was asked to.' }),
  },
};

const slowText =
  'This answer comes **one word a second**. There is time to stop it, to reload the page, or to restart the server: ' +
  'what was written stays, and the rest follows where it broke off.';

const failText = 'This reply begins like any other, and then its sender finds that it cannot go on: ';

const commandList = Object.entries(commands)
  .map(([name, { does }]) => `- \`/${name}\`: ${does}`)
  .join('\n');

/**
 * A responder that needs no model and no key. Its text follows from the message and from what was said before it, not
 * from the clock or from chance: asked again it gives the same, so that a reply which broke off can be continued.
 */
export function createBuiltInResponder(options: BuiltInResponderOptions = {}): Responder {
  const pause = options.delay ?? ((ms, signal) => delay(ms, undefined, { signal }));
  return async function* (message, context) {
    const { signal, heldLength = 0 } = context;
    signal.throwIfAborted();
    const answer = await answerTo(message, context);
    let length = 0;
    for (const word of wordsOf(answer.text)) {
      if (length > heldLength) await unlessAborted(pause(answer.pauseMs, signal), signal);
      signal.throwIfAborted();
      yield word;
      length += word.length;
    }
    signal.throwIfAborted();
    if (answer.failure !== undefined) throw new ResponderError(answer.failure);
  };
}

/** Timers reject with an error of their own when they are aborted. */
async function unlessAborted(pausing: Promise<unknown>, signal: AbortSignal): Promise<void> {
  try {
    await pausing;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

function answerTo(message: Message, context: RespondContext): Promise<Answer> | Answer {
  const name = /^\/([a-z]{1,20})(?!\S)/iu.exec(message.content)?.[1]?.toLowerCase();
  if (name === undefined) return plainAnswer(message, context);
  if (Object.hasOwn(commands, name)) return commands[name]!.answer(message, context);
  return { text: `There is no \`/${name}\` here. There are:\n\n${commandList}`, pauseMs };
}

async function plainAnswer(message: Message, context: RespondContext): Promise<Answer> {
  const history = await context.history();
  const text = [
    'You wrote:',
    quote(message.content),
    'I am the responder that comes with the server. There is no model behind me, but I can count:',
    statisticsTable(message, history),
    `To see more of what a streamed reply can do, begin a message with one of these:\n\n${commandList}`,
  ].join('\n\n');
  return { text, pauseMs };
}
