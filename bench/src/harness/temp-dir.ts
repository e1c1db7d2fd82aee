import { rmSync } from 'node:fs';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atExit } from './cleanup.ts';

export interface TempDir extends AsyncDisposable {
  readonly path: string;
}

/** The disk to measure on. */
const storeParent = process.env['BENCH_DIR'] ?? tmpdir();

/** An empty directory for a store, in BENCH_DIR or else the system's own for such things; removed on disposal. */
export async function makeTempDir(parent = storeParent): Promise<TempDir> {
  const path = await mkdtemp(join(parent, 'threadwire-bench-'));
  const takeBack = atExit(() => rmSync(path, { recursive: true, force: true }));
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true });
      takeBack();
    },
  };
}

/** Where Linux keeps files in memory; undefined where there is no such place, or no room for so much. */
export async function memoryParent(roomBytes: number): Promise<string | undefined> {
  const path = '/dev/shm';
  const found = await statfs(path).catch(() => undefined);
  return found !== undefined && found.bavail * found.bsize >= roomBytes ? path : undefined;
}
