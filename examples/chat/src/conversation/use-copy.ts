import { useState } from 'react';

interface Copy {
  /** A moment ago. */
  readonly isCopied: boolean;
  readonly copy: () => void;
  /** Pages that are not secure have no clipboard. */
  readonly canCopy: boolean;
}

const copiedMs = 1500;

/** Puts a text where it can be pasted from. */
export function useCopy(text: string): Copy {
  const [isCopied, setIsCopied] = useState(false);
  const write = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setIsCopied(true);
    setTimeout(() => setIsCopied(false), copiedMs);
  };
  return { isCopied, copy: () => void write().catch(() => undefined), canCopy: 'clipboard' in navigator };
}
