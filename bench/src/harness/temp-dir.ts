import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atExit } from './cleanup.ts';

export interface TempDir extends AsyncDisposable {
  readonly path: string;
}

/** An empty directory for a store, on the disk that BENCH_DIR is on, or else the system's; removed on disposal. */
export async function makeTempDir(): Promise<TempDir> {
  const path = await mkdtemp(join(process.env['BENCH_DIR'] ?? tmpdir(), 'threadwire-bench-'));
  const takeBack = atExit(() => rmSync(path, { recursive: true, force: true }));
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true });
      takeBack();
    },
  };
}
