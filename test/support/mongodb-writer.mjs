/**
 * A process of its own that appends to a thread, on the built server: `node mongodb-writer.mjs URI THREAD SENDER COUNT AT_ONCE`.
 * Prints each message's id and seq as a line of JSON as soon as it is acknowledged, and ends when all are.
 */
import { randomUUID } from 'node:crypto';
import { openMongoStore } from '../../server/dist/store/mongo/mongo-store.js';

const [uri, threadId, sender, count, atOnce] = process.argv.slice(2);
const store = await openMongoStore({ uri });
const actor = { id: sender, agent: false, admin: false };

const append = async (number) => {
  const op = { kind: 'append', threadId, actor, id: randomUUID(), messageId: `${sender}-${number}` };
  const [result] = await store.write([{ ...op, role: 'user', content: 'hello', metadata: {}, at: Date.now() }]);
  if (!result.ok) throw new Error(result.message);
  const { message, changed } = result;
  process.stdout.write(`${JSON.stringify({ id: message.id, seq: message.seq, changed })}\n`);
};

let next = 0;
const work = async () => {
  while (next < Number(count)) await append(next++);
};
await Promise.all(Array.from({ length: Number(atOnce) }, work));
await store.close();
