import { parser } from '@prometheus-io/lezer-promql';

export interface Matcher {
  readonly label: string;
  readonly operator: string;
  /** Without quotes. */
  readonly value: string;
}

/** Samples that an expression asks for. */
export interface Selector {
  readonly name: string;
  readonly matchers: readonly Matcher[];
}

/** Labels by which an expression adds up or joins, with the samples that it does that with. */
export interface Grouping {
  readonly labels: readonly string[];
  readonly selectors: readonly Selector[];
}

export interface Expression {
  readonly selectors: readonly Selector[];
  readonly groupings: readonly Grouping[];
}

type Node = ReturnType<typeof parser.parse>['topNode'];

/** Takes a PromQL expression apart, as Prometheus has it after Grafana put in its variables. Throws where it is none. */
export function readPromql(text: string): Expression {
  const top = parser.parse(text).topNode;
  const all = descendants(top);
  if (all.some(({ type }) => type.isError)) throw new Error(`this is no PromQL: ${text}`);
  return {
    selectors: selectorsIn(top, text),
    groupings: all
      .filter(({ name }) => name === 'AggregateExpr' || name === 'BinaryExpr')
      .flatMap((node) => {
        // Its own modifier, not that of a part.
        const modifier = childrenOf(node).find(({ name }) => /^(AggregateModifier|MatchingModifierClause)$/.test(name));
        if (!modifier) return [];
        const labels = descendants(modifier)
          .filter(({ name }) => name === 'LabelName')
          .map(({ from, to }) => text.slice(from, to));
        return [{ labels, selectors: selectorsIn(node, text) }];
      }),
  };
}

function selectorsIn(node: Node, text: string): Selector[] {
  return [node, ...descendants(node)]
    .filter(({ name }) => name === 'VectorSelector')
    .map((selector) => {
      const parts = descendants(selector);
      const textOf = ({ from, to }: Node): string => text.slice(from, to);
      return {
        name: textOf(parts.find(({ name }) => name === 'Identifier')!),
        matchers: parts
          .filter(({ name }) => name === 'UnquotedLabelMatcher')
          .map((matcher) => {
            const [label, operator, value] = childrenOf(matcher).map(textOf) as [string, string, string];
            return { label, operator, value: value.slice(1, -1) };
          }),
      };
    });
}

function childrenOf(node: Node): Node[] {
  const children: Node[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) children.push(child);
  return children;
}

function descendants(node: Node): Node[] {
  return childrenOf(node).flatMap((child) => [child, ...descendants(child)]);
}
