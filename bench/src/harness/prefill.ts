import { once } from 'node:events';
import { cp, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { PrefillOptions } from '../servers/prefill.ts';
import { atExit } from './cleanup.ts';
import type { Context } from './scenario.ts';
import { spawnProgram } from './server-process.ts';
import { makeTempDir, memoryParent } from './temp-dir.ts';

/** More than any store here takes. */
const roomBytes = 2 * 2 ** 30;

/**
 * Fills a store's directory, on whatever cores there are: nothing is measured meanwhile. Where there is room it is filled
 * in memory and then copied: a hundred thousand threads are as many commits, and none of them is what a scenario is about.
 */
export async function prefill(context: Context, what: string, options: PrefillOptions): Promise<void> {
  const beganAt = performance.now();
  const parent = await memoryParent(roomBytes);
  if (parent !== undefined) {
    await using inMemory = await makeTempDir(parent);
    await runPrefill({ ...options, dataDir: inMemory.path });
    await copyDurably(inMemory.path, options.dataDir);
  } else {
    await runPrefill(options);
  }
  context.log(`  filled a store with ${what} in ${((performance.now() - beganAt) / 1000).toFixed(0)} s`);
}

async function runPrefill(options: PrefillOptions): Promise<void> {
  const child = spawnProgram('prefill', options, { cores: undefined });
  const takeBack = atExit(() => child.kill('SIGKILL'));
  const [code] = (await once(child, 'exit')) as [number | null];
  takeBack();
  if (code !== 0) throw new Error('a store could not be filled');
}

/** Synced, so that the disk is not busy with it while something is measured. */
async function copyDurably(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true });
  for (const name of await readdir(to)) {
    const file = await open(join(to, name), 'r+');
    await file.sync();
    await file.close();
  }
}
