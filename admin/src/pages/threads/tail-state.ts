import type { ConsoleAnswers, GrowingLine, TailLine } from '../../connection/protocol.ts';

/** What is shown of the changes of a thread. */
export interface TailState {
  /** Up to where everything was seen; undefined before the first answer. */
  readonly seenSeq: number | undefined;
  /** The newest first, each message once. */
  readonly lines: readonly TailLine[];
  readonly hasBodies: boolean;
  /** Whether more happened at once than is shown: some is left out. */
  readonly hasSkipped: boolean;
}

export const emptyTail: TailState = { seenSeq: undefined, lines: [], hasBodies: false, hasSkipped: false };

const maxLines = 200;
/** So many lines of one answer mean that there may be more. */
const fullAnswer = 50;

/** The tail with one more answer. */
export function withAnswer(tail: TailState, answer: ConsoleAnswers['tail']): TailState {
  const isFirst = tail.seenSeq === undefined;
  const byId = new Map(tail.lines.map((line) => [line.id, line]));
  for (const line of answer.lines) {
    const known = byId.get(line.id);
    if (!known || line.seq >= known.seq) byId.set(line.id, line);
  }
  for (const growing of answer.growing) {
    const known = byId.get(growing.id);
    if (known?.status === 'streaming') byId.set(growing.id, grown(known, growing));
  }
  const lines = [...byId.values()].sort((a, b) => b.seq - a.seq).slice(0, maxLines);
  const isBehind = !isFirst && answer.lines.length >= fullAnswer;
  return {
    // Where more comes than can be followed, on with the newest.
    seenSeq: isBehind ? undefined : answer.head_seq,
    lines,
    hasBodies: answer.has_bodies,
    hasSkipped: tail.hasSkipped || isBehind,
  };
}

function grown(line: TailLine, { length, beginning }: GrowingLine): TailLine {
  return { ...line, length, content: beginning ?? line.content };
}
