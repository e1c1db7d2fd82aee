import { ofThisRun } from './global-setup.ts';

/** After all tests: ends what the set-up started. */
export default async function globalTeardown(): Promise<void> {
  if (!ofThisRun.mongodb) return;
  delete process.env['MONGODB_URI'];
  await ofThisRun.mongodb[Symbol.asyncDispose]();
}
