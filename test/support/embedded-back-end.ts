import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedStore } from '../../server/src/store/embedded/embedded-store.ts';
import type { BackEnd } from './back-ends.ts';

/** A directory of its own for a test, removed when disposed of. */
export async function temporaryDirectory(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'threadwire-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** The store that needs no service; it runs everywhere. */
export const embeddedBackEnd: BackEnd = {
  name: 'embedded',
  missing: undefined,
  async open() {
    const directory = await temporaryDirectory();
    let store = await openEmbeddedStore({ dataDir: directory.path });
    return {
      get store() {
        return store;
      },
      async reopen() {
        await store.close();
        store = await openEmbeddedStore({ dataDir: directory.path });
        return store;
      },
      async [Symbol.asyncDispose]() {
        await store.close();
        await directory[Symbol.asyncDispose]();
      },
    };
  },
};
