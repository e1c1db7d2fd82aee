import type { Logger } from '../logger.ts';
import { conversation } from './conversation.ts';
import { modelAnswer } from './model-answer.ts';
import { modelFailure } from './model-failure.ts';
import { openAiClient } from './openai-client.ts';
import type { Endpoint, OpenAiClient } from './openai-client.ts';
import type { Responder } from './responder.ts';
import { wellFormed } from './well-formed.ts';

export interface OpenAiResponderOptions extends Endpoint {
  readonly model: string;
  /** Instead of our own; empty: none. */
  readonly systemPrompt?: string | undefined;
  /** At most so many messages before the one that is answered. */
  readonly maxHistoryMessages?: number;
  /** At most so many UTF-16 code units of them. */
  readonly maxHistoryLength?: number;
  /** A model of which nothing was heard for so long has failed. */
  readonly maxSilenceMs?: number;
  readonly logger?: Pick<Logger, 'warn'> | undefined;
}

const defaultSystemPrompt =
  'You are a helpful participant in a chat thread. Answer the last message. Write Markdown, and be brief where a brief ' +
  'answer will do. Where several people talk, each of their messages begins with their name; yours does not.';

/**
 * A responder that asks a model by the API of OpenAI, which many others speak too. Asked again about the same message it
 * gives another text.
 */
export function createOpenAiResponder(options: OpenAiResponderOptions): Responder {
  const { model, logger, maxSilenceMs = 120_000 } = options;
  const limits = {
    systemPrompt: options.systemPrompt ?? defaultSystemPrompt,
    maxHistoryMessages: options.maxHistoryMessages ?? 50,
    maxHistoryLength: options.maxHistoryLength ?? 48_000,
  };
  let loading: Promise<OpenAiClient> | undefined;

  return async function* (message, { signal, history }) {
    signal.throwIfAborted();
    const { openai, client } = await (loading ??= openAiClient(options));
    const messages = conversation(message, await history(), limits);
    signal.throwIfAborted();
    try {
      yield* wellFormed(modelAnswer(client, { model, messages }, signal, maxSilenceMs));
      signal.throwIfAborted();
    } catch (error) {
      signal.throwIfAborted();
      const failure = modelFailure(error, openai);
      logger?.warn({ message_id: message.id, model, ...failure.fields }, 'the model gave no whole answer');
      throw failure;
    }
  };
}
