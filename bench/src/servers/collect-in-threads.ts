import { BroadcastChannel, isMainThread } from 'node:worker_threads';

/** On which `control.ts` says that it is time. */
export const collectChannel = 'bench: collect garbage';

// Imported by every thread of a process whose memory is measured: a worker's garbage is memory of the process too, and
// nobody else can ask for its collection.
if (!isMainThread) {
  const channel = new BroadcastChannel(collectChannel);
  channel.addEventListener('message', () => globalThis.gc?.());
  channel.unref();
}
