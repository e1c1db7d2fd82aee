// Controls, marks that turn the direction of text, and spaces of no width: what would make a name look like another.
const unseen = /[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

/** Text of somebody else with everything unseen made visible. */
export function visibleText(text: string): string {
  return text.replace(unseen, (character) => {
    const code = character.codePointAt(0)!;
    // There is a picture of each of the first controls.
    return code < 0x20 ? String.fromCodePoint(0x24_00 + code) : code === 0x7f ? '\u2421' : `\u27e8${hex(code)}\u27e9`;
  });
}

/** The same, but what makes lines makes lines. */
export function visibleLines(text: string): string {
  return text
    .split(/(\r\n|\n|\t)/)
    .map((part, i) => (i % 2 === 1 ? part : visibleText(part)))
    .join('');
}

function hex(code: number): string {
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}
