import { Worker } from 'node:worker_threads';
import type { Message } from '@threadwire/protocol';
import { serve, serverOptions } from './control.ts';
import { nextSeq, toMessage } from './messages.ts';
import { startSocketIoApp } from './socket-io-app.ts';

// Socket.IO with the simplest durable store: a worker thread that commits, and syncs, each message by itself.
const { dataDir } = serverOptions() as { dataDir: string };
const worker = new Worker(new URL('one-fsync-worker.js', import.meta.url), { workerData: `${dataDir}/messages.db` });
/** Of messages that are being stored; the worker stores them in this order. */
const waiting: (() => void)[] = [];
worker.on('message', () => waiting.shift()!());
worker.on('error', (error) => {
  throw error;
});

function store(message: Message): Promise<Message> {
  return new Promise((resolve) => {
    waiting.push(() => resolve(message));
    worker.postMessage(message);
  });
}

serve(await startSocketIoApp((sent, senderId) => store(toMessage(sent, senderId, nextSeq(sent.thread_id)))));
