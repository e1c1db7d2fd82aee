import type { Nodes, Root } from 'mdast';
import { fromMarkdown } from 'mdast-util-from-markdown';
import type { Options } from 'mdast-util-from-markdown';
import { gfmFromMarkdown } from 'mdast-util-gfm';
import { gfm } from 'micromark-extension-gfm';
import { limitedAttention } from './limited-attention.ts';

/** What one block may have, and still be read at once. Beyond that it is shown as it stands. */
const maxLength = 20_000;
const maxLines = 600;
const maxDepth = 40;
/** Of the marks that have to be looked for again from each of their like: what is crossed out, and what may become a link. */
const maxTildes = 600;
const maxBrackets = 600;
const maxOthers = 6000;

const tildes = /~~/g;
const brackets = /\[/g;
const others = /[`<&@|]/g;
const containers = /^(?:[ \t]*(?:>|[-+*](?=[ \t])|\d{1,9}[.)](?=[ \t])))+/gm;

const options: Options = {
  extensions: [
    gfm({ singleTilde: false }),
    limitedAttention,
    // HTML is text here. A footnote's ids would have to be unique in the page, and it is nobody's reply that has one.
    {
      disable: {
        null: ['htmlFlow', 'htmlText', 'gfmFootnoteCall', 'gfmFootnoteDefinition', 'gfmPotentialFootnoteCall'],
      },
    },
  ],
  // The search for addresses that the parser did not take for such goes over some texts again and again.
  mdastExtensions: gfmFromMarkdown().map(({ transforms: _transforms, ...extension }) => extension),
};

/** One block's tree; undefined where it is too much. One that grows is read again and again, and may have half as much. */
export function parseMarkdown(text: string, definitions: string, isGrowing: boolean): Root | undefined {
  if (isTooMuch(text, isGrowing ? 0.5 : 1)) return undefined;
  const root = fromMarkdown(definitions === '' ? text : `${text}\n\n${definitions}`, options);
  return isTooDeep(root) ? undefined : root;
}

function isTooMuch(text: string, share: number): boolean {
  if (text.length > maxLength * share) return true;
  if (text.length < maxDepth) return false;
  if (count(text, tildes) > maxTildes || count(text, brackets) > maxBrackets || count(text, others) > maxOthers) {
    return true;
  }
  if (count(text, /\n/g) > maxLines * share) return true;
  return text.match(containers)?.some((prefix) => prefix.replaceAll(/[\s\d]/g, '').length > maxDepth) ?? false;
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

function isTooDeep(root: Root): boolean {
  let level: Nodes[] = [root];
  for (let depth = 0; level.length > 0; depth += 1) {
    // Of a list, its items are a level of their own.
    if (depth > 2 * maxDepth) return true;
    level = level.flatMap((node): Nodes[] => ('children' in node ? node.children : []));
  }
  return false;
}
