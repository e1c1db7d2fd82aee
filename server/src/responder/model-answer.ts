import type { OpenAI } from 'openai';
import type { ChatCompletionChunk, ChatCompletionMessageParam } from 'openai/resources/chat/completions';
import { ModelFailure, brokenOff, tookTooLong } from './model-failure.ts';

export interface ModelRequest {
  readonly model: string;
  readonly messages: ChatCompletionMessageParam[];
}

/**
 * What a model answers, as it comes. Throws where that is not a whole answer: also where the connection ends in order, but
 * before the model said that it is done. Aborted, or left by its reader, it closes the connection.
 */
export async function* modelAnswer(
  client: OpenAI,
  request: ModelRequest,
  signal: AbortSignal,
  maxSilenceMs: number,
): AsyncGenerator<string, void> {
  const controller = new AbortController();
  const abort = () => controller.abort();
  signal.addEventListener('abort', abort, { once: true });
  let timer: NodeJS.Timeout | undefined;
  let isLate = false;
  const expectMore = () => {
    timer = setTimeout(() => {
      isLate = true;
      abort();
    }, maxSilenceMs);
  };
  try {
    expectMore();
    const started = client.chat.completions.create({ ...request, stream: true }, { signal: controller.signal });
    // Between two attempts the package's client does not hear the signal.
    const chunks = await Promise.race([started, rejectOnAbort(controller.signal)]);
    let isEmpty = true;
    for await (const chunk of chunks) {
      clearTimeout(timer);
      if (controller.signal.aborted) break;
      const { text, end } = contentOf(chunk);
      if (text !== '') yield text;
      isEmpty &&= text === '';
      // Nothing of the answer comes after that, and not every endpoint then closes the stream.
      if (end !== undefined) return checkEnd(end, isEmpty);
      expectMore();
    }
    // The package ends the stream without a word when it is aborted.
    throw brokenOff();
  } catch (error) {
    throw isLate ? tookTooLong() : error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(brokenOff()), { once: true });
  });
}

interface Content {
  readonly text: string;
  /** Why the model is done, where it is. */
  readonly end: string | undefined;
}

/** Endpoints differ in what they leave out of a chunk. */
function contentOf(chunk: ChatCompletionChunk): Content {
  const { choices } = (chunk ?? {}) as Partial<ChatCompletionChunk>;
  const choice = (choices?.find(({ index }) => index === 0) ?? choices?.[0]) as
    | Partial<ChatCompletionChunk.Choice>
    | undefined;
  // A model that will not answer says so in another field.
  const text: unknown = choice?.delta?.content ?? choice?.delta?.refusal;
  return { text: typeof text === 'string' ? text : '', end: choice?.finish_reason ?? undefined };
}

function checkEnd(reason: string, isEmpty: boolean): void {
  if (reason === 'content_filter') {
    throw new ModelFailure('The content filter of the model stopped the answer.', { reason });
  }
  if (reason === 'length') throw new ModelFailure('The answer reached the length limit of the model.', { reason });
  if (isEmpty) throw new ModelFailure('The model gave no answer.', { reason: 'empty' });
}
