import { memo, useMemo } from 'react';
import type { ReactElement } from 'react';
import { CodeBlock } from './markdown/code-block.tsx';
import { MarkdownBlock } from './markdown/markdown-block.tsx';
import { mendCodeTail, mendTail } from './markdown/mend-tail.ts';
import { splitBlocks } from './markdown/split-blocks.ts';
import type { Block } from './markdown/split-blocks.ts';

interface MessageBodyProps {
  readonly content: string;
  readonly isStreaming: boolean;
  /** It ended before it was whole: what its last words open stays closed, as it was while it grew. */
  readonly isBrokenOff: boolean;
}

/** A message's text, read as Markdown. Of one that grows, only the last block is read again. */
export const MessageBody = memo(function MessageBody(props: MessageBodyProps): ReactElement {
  const { content, isStreaming, isBrokenOff } = props;
  const { blocks, definitions } = useMemo(() => splitBlocks(content), [content]);
  return (
    <div className="message-body" data-streaming={isStreaming || undefined} aria-busy={isStreaming}>
      {blocks.map((block, i) => (
        // Blocks are never moved: their place is who they are.
        <MessageBlock
          key={i}
          block={block}
          definitions={definitions}
          isGrowing={isStreaming && i === blocks.length - 1}
          isUnfinished={(isStreaming || isBrokenOff) && i === blocks.length - 1}
        />
      ))}
      {isStreaming && content === '' && (
        <span className="typing" aria-hidden="true">
          <span />
          <span />
          <span />
        </span>
      )}
    </div>
  );
});

interface MessageBlockProps {
  readonly block: Block;
  readonly definitions: readonly string[];
  readonly isGrowing: boolean;
  /** It was to have gone on, whether it does or not. */
  readonly isUnfinished: boolean;
}

const MessageBlock = memo(function MessageBlock(props: MessageBlockProps): ReactElement {
  const { block, definitions, isGrowing, isUnfinished } = props;
  const { kind, text } = block;
  switch (kind) {
    case 'code': {
      const shown = isUnfinished && block.isOpen ? mendCodeTail(text) : text;
      return <CodeBlock text={shown} language={block.language} hasCaret={isGrowing} />;
    }
    case 'markdown':
      return (
        <MarkdownBlock
          text={isUnfinished ? mendTail(text) : text}
          definitions={definitionsOf(text, definitions)}
          isGrowing={isGrowing}
        />
      );
    case 'plain':
      return <p>{text}</p>;
  }
}, isSame);

/** A text that grows is cut anew, into the same blocks as before but for the last. */
function isSame(before: MessageBlockProps, now: MessageBlockProps): boolean {
  const [a, b] = [before.block, now.block];
  if (a.text !== b.text || a.kind !== b.kind || before.isGrowing !== now.isGrowing) return false;
  if (before.isUnfinished !== now.isUnfinished) return false;
  if (a.kind === 'code' && b.kind === 'code') return a.language === b.language && a.isOpen === b.isOpen;
  return sameLines(before.definitions, now.definitions);
}

function sameLines(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, i) => line === b[i]);
}

/** Those it may refer to, as one string: the same as before for a block that did not change. */
function definitionsOf(text: string, definitions: readonly string[]): string {
  return definitions.filter((line) => text.includes(line.slice(line.indexOf('['), line.indexOf(']:') + 1))).join('\n');
}
