// Controls, marks that turn the direction of text, spaces of no width, and letters that leave a gap: what would make a name
// look like another. What chooses between the pictures of a character is a part of it.
const unseen = /(?!\p{Variation_Selector})[\p{Cc}\p{Default_Ignorable_Code_Point}\u2028\u2029\u2800\ufff9-\ufffb]/gu;
/** Nothing but blanks, and what nothing is drawn for. */
const blank = /^[\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\u2800]+$/u;

/** Text of somebody else with everything unseen made visible. Of a text in which nothing can be seen, that is every character. */
export function visibleText(text: string): string {
  return blank.test(text) ? text.replace(/[^]/gu, shown) : withMarks(text);
}

/** The same, but what makes lines makes lines. */
export function visibleLines(text: string): string {
  return text
    .split(/(\r\n|\n|\t)/)
    .map((part, i) => (i % 2 === 1 ? part : withMarks(part)))
    .join('');
}

function withMarks(text: string): string {
  return text.replace(unseen, shown);
}

function shown(character: string): string {
  const code = character.codePointAt(0)!;
  // There is a picture of each of the first controls.
  return code < 0x20 ? String.fromCodePoint(0x24_00 + code) : code === 0x7f ? '\u2421' : `\u27e8${hex(code)}\u27e9`;
}

function hex(code: number): string {
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}
