import { counted, formatCount } from '../../format/number.ts';

interface AuditView {
  readonly found: number;
  /** How many entries are known here. */
  readonly known: number;
  /** Whether there are older ones. */
  readonly hasMore: boolean;
  readonly isFiltered: boolean;
}

/** How much of the log is shown, and in how much of it was looked. */
export function auditFacts({ found, known, hasMore, isFiltered }: AuditView): string {
  const entries = counted(known, 'entry', 'entries');
  if (!isFiltered) return hasMore ? `The latest ${entries}; there are older ones` : entries;
  return `${formatCount(found)} found in ${hasMore ? `the latest ${entries}` : `all ${entries}`}`;
}
