import { memo } from 'react';
import type { ReactElement } from 'react';
import { IconButton } from '../../ui/icon-button.tsx';
import { useCopy } from '../use-copy.ts';
import { Caret } from './caret.tsx';

interface CodeBlockProps {
  readonly text: string;
  /** Empty where nobody said. */
  readonly language: string;
  readonly hasCaret?: boolean;
}

export const CodeBlock = memo(function CodeBlock({ text, language, hasCaret = false }: CodeBlockProps): ReactElement {
  const { isCopied, copy, canCopy } = useCopy(text);
  return (
    <figure className="code">
      {language !== '' && <figcaption className="code-language">{language}</figcaption>}
      {canCopy && (
        <IconButton
          className="code-copy"
          icon={isCopied ? 'check' : 'copy'}
          label={isCopied ? 'Copied' : 'Copy code'}
          onClick={copy}
        />
      )}
      <pre>
        <code>
          {text}
          {hasCaret && <Caret />}
        </code>
      </pre>
    </figure>
  );
});
