import type { Nodes, Root } from 'mdast';
import { Fragment } from 'react';
import type { CSSProperties, ReactElement, ReactNode } from 'react';
import { Caret } from './caret.tsx';
import { CodeBlock } from './code-block.tsx';
import { MarkdownTable } from './markdown-table.tsx';
import { SafeLink } from './safe-link.tsx';

interface MarkdownNodesProps {
  readonly nodes: readonly Nodes[];
  /** Has what references refer to. */
  readonly root: Root;
  /** After the last word. */
  readonly hasCaret?: boolean;
  /** A link has none in it. */
  readonly isInLink?: boolean;
  /** Items of such a list are lines, not paragraphs. */
  readonly isTight?: boolean;
}

/** Draws what was read as Markdown: every node by an element named here, so that nothing else can come of a text. */
export function MarkdownNodes({ nodes, hasCaret = false, ...rest }: MarkdownNodesProps): ReactElement {
  return (
    <>
      {nodes.map((node, i) => {
        const isLast = hasCaret && i === nodes.length - 1;
        return (
          // Nodes are never moved: their place is who they are.
          <Fragment key={i}>
            {renderNode(node, { ...rest, hasCaret: isLast })}
            {isLast && !carriesCaret(node) && <Caret />}
          </Fragment>
        );
      })}
    </>
  );
}

type Context = Omit<MarkdownNodesProps, 'nodes'>;

/** Ends in nodes of its own, or draws the caret where it ends. */
function carriesCaret(node: Nodes): boolean {
  if (node.type === 'code') return true;
  return 'children' in node && node.children.length > 0;
}

function renderNode(node: Nodes, context: Context): ReactNode {
  const { root, hasCaret = false, isInLink = false, isTight = false } = context;
  const inner = (nodes: readonly Nodes[], changes: Partial<Context> = {}): ReactElement => (
    <MarkdownNodes nodes={nodes} root={root} hasCaret={hasCaret} isInLink={isInLink} {...changes} />
  );
  switch (node.type) {
    case 'paragraph':
      return isTight ? inner(node.children) : <p>{inner(node.children)}</p>;
    case 'heading':
      // The page's headings are its own: this is a line that stands out.
      return (
        <p className="text-heading" data-level={node.depth}>
          <strong>{inner(node.children)}</strong>
        </p>
      );
    case 'blockquote':
      return <blockquote>{inner(node.children)}</blockquote>;
    case 'list': {
      const items = inner(node.children, { isTight: !node.spread && !node.children.some(({ spread }) => spread) });
      if (!node.ordered) return <ul>{items}</ul>;
      const start = node.start ?? 1;
      const digits = String(start + node.children.length - 1).length;
      return (
        <ol start={start} style={{ '--digits': digits } as CSSProperties}>
          {items}
        </ol>
      );
    }
    case 'listItem': {
      const isTask = typeof node.checked === 'boolean';
      return (
        <li data-task={isTask || undefined}>
          {isTask && (
            <span className="task" role="img" data-done={node.checked} aria-label={node.checked ? 'Done' : 'To do'} />
          )}
          {inner(node.children, { isTight })}
        </li>
      );
    }
    case 'code':
      return <CodeBlock text={node.value} language={node.lang ?? ''} hasCaret={hasCaret} />;
    case 'thematicBreak':
      return <hr />;
    case 'table':
      return (
        <MarkdownTable
          table={node}
          renderCell={(cell, isLast) => {
            // A cell may be empty, and nothing after the table has the caret.
            if (cell.length === 0) return <>{hasCaret && isLast && <Caret />}</>;
            return inner(cell, { hasCaret: hasCaret && isLast });
          }}
        />
      );
    case 'text':
    case 'html':
      return node.value;
    case 'strong':
      return <strong>{inner(node.children)}</strong>;
    case 'emphasis':
      return <em>{inner(node.children)}</em>;
    case 'delete':
      return <del>{inner(node.children)}</del>;
    case 'inlineCode':
      return <code>{node.value}</code>;
    case 'break':
      return <br />;
    case 'link': {
      const content = inner(node.children, { isInLink: true });
      return isInLink ? content : <SafeLink url={node.url}>{content}</SafeLink>;
    }
    case 'linkReference': {
      const content = inner(node.children, { isInLink: true });
      return isInLink ? content : <SafeLink url={urlOf(node.identifier, root)}>{content}</SafeLink>;
    }
    case 'image':
      return renderImage(node.url, node.alt, isInLink);
    case 'imageReference':
      return renderImage(urlOf(node.identifier, root), node.alt, isInLink);
    // Drawn by those that have them, or not asked for.
    case 'root':
    case 'definition':
    case 'footnoteDefinition':
    case 'footnoteReference':
    case 'tableCell':
    case 'tableRow':
    case 'yaml':
      return null;
  }
}

/** Not loaded: that would tell another server who reads what, and the page's policy forbids it. */
function renderImage(url: string, alt: string | null | undefined, isInLink: boolean): ReactNode {
  const name = alt?.trim() ? alt : 'Image';
  return isInLink ? (
    name
  ) : (
    <SafeLink url={url} isImage>
      {name}
    </SafeLink>
  );
}

function urlOf(identifier: string, root: Root): string {
  for (const node of root.children) if (node.type === 'definition' && node.identifier === identifier) return node.url;
  return '';
}
