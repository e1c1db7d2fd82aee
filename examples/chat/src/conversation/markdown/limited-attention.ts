import type { Options } from 'mdast-util-from-markdown';
import { attention } from 'micromark-core-commonmark';

/** In one paragraph, cell or heading. The marks of each are looked for again from each of their like. */
const maxMarks = 300;

type Attention = typeof attention;
type Resolver = NonNullable<Attention['resolveAll']>;

/** Of a text with hundreds of marks nobody means any: they are text, and what is around it is read all the same. */
const resolveAll: Resolver = (events, context) => {
  const marks = events.filter(([kind, { type }]) => kind === 'enter' && type === 'attentionSequence');
  if (marks.filter(([, { _open, _close }]) => _open || _close).length <= maxMarks) {
    return attention.resolveAll!(events, context);
  }
  for (const [, token] of marks) token.type = 'data';
  return events;
};

const limited: Attention = { ...attention, resolveAll };

/** Emphasis as CommonMark has it, for as much of it as anybody means. */
export const limitedAttention = {
  text: { 42: limited, 95: limited },
} satisfies NonNullable<Options['extensions']>[number];
