export type TextPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string; readonly language: string };

const fence = /^```([\w+#.-]*)[^\S\n]*$/;

/** A message's text and the code between its ``` lines. A fence that nobody closed goes on to the end. */
export function splitCode(content: string): TextPart[] {
  if (!content.includes('```')) return content === '' ? [] : [{ kind: 'text', text: content }];
  const parts: TextPart[] = [];
  let lines: string[] = [];
  let language: string | undefined;
  const flush = (): void => {
    const text = lines.join('\n');
    lines = [];
    if (language !== undefined) parts.push({ kind: 'code', text, language });
    // Empty lines around code are its margins.
    else if (text.trim() !== '') parts.push({ kind: 'text', text: text.replace(/^\n+|\n+$/g, '') });
  };
  for (const line of content.split('\n')) {
    const found = fence.exec(line);
    // Inside of code, only a bare fence ends it.
    if (found && (language === undefined || found[1] === '')) {
      flush();
      language = language === undefined ? (found[1] ?? '') : undefined;
    } else {
      lines.push(line);
    }
  }
  flush();
  return parts;
}
