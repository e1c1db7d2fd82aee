import type { ConsoleAnswers } from '../../connection/protocol.ts';
import { counted, formatCount } from '../../format/number.ts';

interface ThreadsAnswer extends Omit<ConsoleAnswers['threads'], 'threads'> {
  readonly shown: number;
}

/** How much of what there is a list of threads shows, and where it was looked for. */
export function threadsFacts(search: string, { shown, found, searched, has_more }: ThreadsAnswer): string {
  if (search.trim() === '') {
    return has_more ? `The ${formatCount(shown)} most recently active; there are more` : counted(found, 'thread');
  }
  const count = shown < found ? `${formatCount(shown)} of ${formatCount(found)}` : formatCount(found);
  return has_more
    ? `${count} found among the ${formatCount(searched)} most recently active threads`
    : `${count} found among ${searched === 1 ? 'the one thread' : `all ${counted(searched, 'thread')}`}`;
}
