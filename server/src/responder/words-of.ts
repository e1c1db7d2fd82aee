/** A text's words, each with the blanks after it; together they are the text. */
export function wordsOf(text: string): string[] {
  return text.match(/\s*\S+\s*/gu) ?? (text === '' ? [] : [text]);
}
