import type { ReactElement } from 'react';
import { visibleText } from '../format/visible-text.ts';

interface UserTextProps {
  readonly text: string;
  readonly className?: string;
}

/** What somebody else chose: one line, cut where it is long, and without any hold on what is around it. */
export function UserText({ text, className = '' }: UserTextProps): ReactElement {
  const shown = visibleText(text);
  return (
    <bdi className={`cut ${className}`} title={shown}>
      {shown}
    </bdi>
  );
}
