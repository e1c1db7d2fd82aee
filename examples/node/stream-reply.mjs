// npm run build && node examples/node/stream-reply.mjs http://127.0.0.1:3000 hello "Once upon a time"
import { setTimeout as delay } from 'node:timers/promises';
import { ThreadwireClient } from '@threadwire/client';

const [, , url = 'http://127.0.0.1:3000', threadId = 'hello', story = 'One word at a time.'] = process.argv;
const client = new ThreadwireClient({ url, user: 'storyteller', token: process.env.TOKEN });

/** Stands for a model. The signal aborts when nobody wants the rest: then it makes no more. */
async function* words(signal) {
  for (const word of story.match(/\S+\s*/g) ?? []) {
    yield word;
    await delay(100, undefined, { signal });
  }
}

const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
try {
  const writer = await client.thread(threadId).startStream({ signal: stop.signal, metadata: { model: 'none' } });
  console.log(`streaming ${writer.id}`);
  let ended;
  try {
    // Breaks of the connection need nothing. A cancel, by whomever, ends it here.
    ended = await writer.pipeFrom(words(writer.signal));
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    // It is on its way: to cancel twice does no harm, and this one is waited for.
    ended = await writer.cancel();
  }
  console.log(`${ended.status}: ${ended.content}`);
} catch (error) {
  console.log(`${error.details?.status ?? error.code}: ${error.message}`);
  process.exitCode = 1;
} finally {
  client.close();
}
