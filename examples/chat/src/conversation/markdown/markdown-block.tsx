import { memo, useMemo } from 'react';
import type { ReactElement } from 'react';
import { Caret } from './caret.tsx';
import { MarkdownNodes } from './markdown-nodes.tsx';
import { parseMarkdown } from './parse-markdown.ts';

interface MarkdownBlockProps {
  readonly text: string;
  /** Lines that name what its links refer to. */
  readonly definitions: string;
  /** More will come: it ends in a caret. */
  readonly isGrowing: boolean;
}

/** A block of a message, read and drawn again only when it is another text. */
export const MarkdownBlock = memo(function MarkdownBlock(props: MarkdownBlockProps): ReactElement {
  const { text, definitions, isGrowing } = props;
  const root = useMemo(() => parseMarkdown(text, definitions, isGrowing), [text, definitions, isGrowing]);
  const children = root?.children.filter(({ type }) => type !== 'definition');
  if (root && children && children.length > 0) {
    return <MarkdownNodes nodes={children} root={root} hasCaret={isGrowing} />;
  }
  return (
    <p>
      {root === undefined && text}
      {isGrowing && <Caret />}
    </p>
  );
});
