// A process with the embedded store on a disk that is nearly full:
//   node full-disk.mjs DATA_DIR [FILLER_BYTES]
// Appends until the store says that it cannot, asks it a few things meanwhile, makes room, goes on, and prints what
// happened as JSON. With FILLER_BYTES, room is made by removing a file of that size; without, by a line on stdin.
import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { openEmbeddedStore } from '../../server/dist/store/embedded/embedded-store.js';

const [dataDir, fillerBytes] = process.argv.slice(2);
const filler = join(dataDir, '..', 'filler');
if (fillerBytes) writeFileSync(filler, Buffer.alloc(Number(fillerBytes), 1));

const actor = { id: 'ann', agent: false, admin: false };
const threadId = 'full';
let writersStarted = 0;
const store = await openEmbeddedStore({
  dataDir,
  spawnWorker: (workerData) => {
    if (workerData.role === 'writer') writersStarted += 1;
    return new Worker(new URL('../../server/dist/store/embedded/worker.js', import.meta.url), { workerData });
  },
});
await store.createThread({ id: threadId, actor, title: '', members: [], metadata: {}, at: Date.now() });

const op = (messageId) => ({
  kind: 'append',
  threadId,
  actor,
  id: randomUUID(),
  messageId,
  role: 'user',
  content: `${messageId} ${'x'.repeat(20_000)}`,
  metadata: {},
  at: Date.now(),
});
const acknowledged = [];
const append = async (messageId) => {
  const [, result] = await store.write([op(`${messageId}-before`), op(messageId)]);
  acknowledged.push([messageId, result.message.seq]);
};
const outcome = (promise) =>
  promise.then(
    () => 'ok',
    (error) => `${error.name}: ${error.message}`,
  );

const report = {};
let n = 0;
do {
  do report.refused = await outcome(append(`m${++n}`));
  while (report.refused === 'ok');
  report.pingWhileFull = await outcome(store.ping());
  // Once more, since a repeat must not pass for stored either.
  report.repeatWhileFull = await outcome(append(`m${n}`));
  // When SQLite has moved its log into the file there may be room again, for a while: then that one is stored.
} while (report.pingWhileFull === 'ok' || report.repeatWhileFull === 'ok');
report.headWhileFull = await store.threads([threadId]).then(([thread]) => thread.head_seq, String);
report.acknowledgedWhileFull = acknowledged.length;

if (fillerBytes) {
  rmSync(filler);
} else {
  console.log('full');
  const lines = createInterface({ input: process.stdin });
  await new Promise((resolve) => lines.once('line', resolve));
  lines.close();
}
// The worker may still be on its way back.
let ping;
const deadline = Date.now() + 10_000;
do {
  await setImmediate();
  ping = await outcome(store.ping());
} while (ping !== 'ok' && Date.now() < deadline);
report.pingWithRoom = ping;
report.withRoom = await outcome(append(`m${n}`));
report.acknowledged = acknowledged;
report.writersStarted = writersStarted;
await store.close();
console.log(JSON.stringify(report));
