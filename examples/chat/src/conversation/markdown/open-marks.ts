/** A run of marks that has begun what the line does not end. */
interface OpenMarks {
  readonly char: string;
  length: number;
}

/** Of a line that breaks off: where its last marks begin, if it ends in such, and what would close those before them. */
export interface Unclosed {
  readonly end: number;
  readonly closing: string;
}

const marks = /\*+|_+|~{2}(?!~)/g;
const blank = /^\s?$/;
const punctuation = /[\p{P}\p{S}]/u;

/** By CommonMark's rules, as far as a line that is not finished can tell: `*` and `_` for emphasis, `~~` for what is crossed out. */
export function unclosedMarks(line: string): Unclosed {
  const open: OpenMarks[] = [];
  const last = /(?:\*+|_+|~+)$/.exec(line);
  const end = last?.index ?? line.length;
  for (const { 0: run, index } of line.slice(0, end).matchAll(marks)) {
    const side = sideOf(run, line[index - 1] ?? '', line[index + run.length] ?? '');
    const rest = side.canClose ? close(open, run) : run.length;
    if (rest > 0 && side.canOpen) open.push({ char: run[0]!, length: rest });
  }
  if (last && !blank.test(line[end - 1] ?? '')) {
    // They close something whole, or they are the first of those that will.
    const whole = open.map((one) => ({ ...one }));
    if (close(whole, last[0]) === 0 && !whole.some(({ char }) => char === last[0][0]))
      return closed(whole, line.length);
    if (!open.some(({ char }) => char === last[0][0]) && last[0][0] === '_') return closed(open, line.length);
  }
  return closed(open, end);
}

function closed(open: readonly OpenMarks[], end: number): Unclosed {
  return {
    end,
    closing: open
      .map(({ char, length }) => char.repeat(length))
      .toReversed()
      .join(''),
  };
}

/** Takes what a run closes off those that are open; what is left of the run. */
function close(open: OpenMarks[], run: string): number {
  let rest = run.length;
  for (let i = open.length - 1; i >= 0 && rest > 0; i -= 1) {
    const one = open[i]!;
    if (one.char !== run[0]) continue;
    const used = Math.min(rest, one.length);
    rest -= used;
    one.length -= used;
    // What was begun after it, and not ended, is text.
    open.length = one.length > 0 ? i + 1 : i;
  }
  return rest;
}

function sideOf(run: string, before: string, after: string): { readonly canOpen: boolean; readonly canClose: boolean } {
  const isAfterBlank = blank.test(before);
  const isBeforeBlank = blank.test(after);
  const isAfterMark = punctuation.test(before);
  const isBeforeMark = punctuation.test(after);
  const isLeft = !isBeforeBlank && (!isBeforeMark || isAfterBlank || isAfterMark);
  const isRight = !isAfterBlank && (!isAfterMark || isBeforeBlank || isBeforeMark);
  if (!run.startsWith('_')) return { canOpen: isLeft, canClose: isRight };
  // Inside of a word it is a part of it.
  return { canOpen: isLeft && (!isRight || isAfterMark), canClose: isRight && (!isLeft || isBeforeMark) };
}
