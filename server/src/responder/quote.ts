const maxLines = 4;
/** Of each line, in code points. */
const maxLineLength = 160;

/**
 * A text as a Markdown blockquote, shortened to a few lines. Whatever of it would mean something in Markdown is escaped:
 * it reads as it was written, and stays within the quote.
 */
export function quote(text: string): string {
  const lines = text
    // Some renderers take more characters for the end of a line than Markdown does.
    .split(/[\n\v\f\r\u0085\u2028\u2029]+/u)
    // Blanks at the ends would make code blocks and line breaks.
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.length === 0) return '> *(blank)*';
  const shown = lines.slice(0, maxLines).map((line) => escapeMarkdown(shortened(line)));
  if (lines.length > maxLines) shown.push('…');
  // A backslash at a line's end keeps the lines apart.
  return shown.map((line) => `> ${line}`).join('\\\n');
}

function shortened(line: string): string {
  // A code point has at most two units: of a line of 64 KiB no array is made.
  const characters = Array.from(line.slice(0, 2 * maxLineLength + 2));
  return characters.length > maxLineLength ? `${characters.slice(0, maxLineLength).join('').trimEnd()} …` : line;
}

/** One line without blanks around it, so that Markdown shows it as it is. */
function escapeMarkdown(line: string): string {
  return (
    line
      .replace(/[\\`*_[\]<>&|~$]/gu, String.raw`\$&`)
      // What means something only where a line begins: headings, lists, rules, and the underlines of headings.
      .replace(/^[#+\-=:]/u, String.raw`\$&`)
      .replace(/^(\d+)([.)])/u, String.raw`$1\$2`)
  );
}
