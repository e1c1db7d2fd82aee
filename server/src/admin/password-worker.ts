import { constants, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { verifySync } from '@node-rs/argon2';

/** What is asked. */
export interface PasswordQuestion {
  /** In PHC format. */
  readonly hash: string;
  readonly password: string;
}

/** Whether it is the password; null where that could not be found out. */
export type PasswordAnswer = boolean | null;

// A guess may wait for everything else that the core has to do. On Linux a priority is a thread's own; elsewhere it would be
// that of the whole process.
if (process.platform === 'linux') {
  try {
    setPriority(constants.priority.PRIORITY_LOW);
  } catch {
    // Where a sandbox does not allow it, logins are as urgent as messages.
  }
}

parentPort!.on('message', ({ hash, password }: PasswordQuestion) => {
  let answer: PasswordAnswer;
  try {
    answer = verifySync(hash, password);
  } catch {
    answer = null;
  }
  parentPort!.postMessage(answer);
});
