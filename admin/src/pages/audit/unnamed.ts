import type { ConsoleAnswers } from '../../connection/protocol.ts';

type Entry = ConsoleAnswers['audit']['entries'][number];

/** Whom an entry without an operator is about; undefined where it names one. */
export function unnamed({ operator, action, outcome, detail }: Entry): string | undefined {
  if (operator !== '') return undefined;
  // Logins that are turned away are not looked at: under which name they were is not known, and there may be many in one entry.
  if (action === 'login' && outcome === 'refused' && detail.includes('turned away')) return 'not looked at';
  // A login by another name is noted without it.
  return 'another name';
}
