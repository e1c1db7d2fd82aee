// A process with the embedded store that appends until it is killed, and tells on stdout what was acknowledged:
//   node append-loop.mjs DATA_DIR THREAD_ID PREFIX [COUNT] [CONTENT_LENGTH]
// prints `open`, then `<message_id> <seq>` for each, and after COUNT of them `idle`, and waits.
import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { openEmbeddedStore } from '../../server/dist/store/embedded/embedded-store.js';

const [dataDir, threadId, prefix, count = 'Infinity', contentLength = '100'] = process.argv.slice(2);
const actor = { id: 'ann', agent: false, admin: false };
// Synchronous, so that whatever was acknowledged is told even if the kill comes next.
const tell = (line) => writeSync(1, `${line}\n`);

const store = await openEmbeddedStore({ dataDir }).catch((/** @type {unknown} */ error) => {
  tell(error instanceof Error ? error.message : String(error));
  process.exit(1);
});
tell('open');
await store.createThread({ id: threadId, actor, title: '', members: [], metadata: {}, at: Date.now() });

let appended = 0;
async function appendLoop() {
  while (appended < Number(count)) {
    const n = ++appended;
    const messageId = `${prefix}-${n}`;
    const content = `${messageId} ${'x'.repeat(Number(contentLength))}`;
    const op = { kind: 'append', threadId, actor, id: randomUUID(), messageId, role: 'user', content, metadata: {} };
    // Every third comes twice in one batch, as a repeat.
    const ops = [{ ...op, at: Date.now() }];
    if (n % 3 === 0) ops.push({ ...ops[0], id: randomUUID() });
    const [result] = await store.write(ops);
    tell(`${messageId} ${result.message.seq}`);
  }
}
await Promise.all([appendLoop(), appendLoop(), appendLoop()]);
tell('idle');
setInterval(() => undefined, 60_000);
