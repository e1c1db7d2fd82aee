import { once } from 'node:events';
import type { PrefillOptions } from '../servers/prefill.ts';
import { atExit } from './cleanup.ts';
import type { Context } from './scenario.ts';
import { spawnProgram } from './server-process.ts';

/** Fills a store's directory, on whatever cores there are: nothing is measured meanwhile. */
export async function prefill(context: Context, what: string, options: PrefillOptions): Promise<void> {
  const beganAt = performance.now();
  const child = spawnProgram('prefill', options, { cores: undefined });
  const takeBack = atExit(() => child.kill('SIGKILL'));
  const [code] = (await once(child, 'exit')) as [number | null];
  takeBack();
  if (code !== 0) throw new Error(`filling a store with ${what} failed`);
  context.log(`  filled a store with ${what} in ${((performance.now() - beganAt) / 1000).toFixed(0)} s`);
}
