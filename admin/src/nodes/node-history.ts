import type { ConsoleAnswers, NodeLine, Sample } from '../connection/protocol.ts';

/** A node, with what is known of its last hour. */
export interface KnownNode {
  readonly line: Omit<NodeLine, 'samples'>;
  /** Oldest first. */
  readonly samples: readonly Sample[];
  /** Whether it was in the last answer. One that is gone is still in the plots. */
  readonly isThere: boolean;
}

/** What the page knows of the nodes and their last hour. */
export interface NodeHistory {
  readonly nodes: readonly KnownNode[];
  readonly stepMs: number;
  /** When the last sample came, by this page's clock (ms since the epoch); undefined before the first. */
  readonly newsAt: number | undefined;
}

export const emptyHistory: NodeHistory = { nodes: [], stepMs: 5000, newsAt: undefined };

export const hourMs = 60 * 60 * 1000;

/** The moment after which samples are to be asked for: all have been seen of every node that is there. */
export function seenUntil({ nodes }: NodeHistory): number {
  const last = nodes.filter(({ isThere }) => isThere).map(({ samples }) => samples.at(-1)?.at ?? 0);
  return last.length === 0 ? 0 : Math.min(...last);
}

/** What is known with one more answer. */
export function withOverview(history: NodeHistory, answer: ConsoleAnswers['overview'], now: number): NodeHistory {
  const known = new Map(history.nodes.map((node) => [node.line.server_id, node]));
  let hasNews = false;
  const there = answer.nodes.map(({ samples: arrived, ...line }) => {
    const before = known.get(line.server_id)?.samples ?? [];
    known.delete(line.server_id);
    const lastAt = before.at(-1)?.at ?? -Infinity;
    const fresh = arrived.filter(({ at }) => at > lastAt);
    hasNews ||= fresh.length > 0;
    const samples = [...before, ...fresh];
    const end = samples.at(-1)?.at ?? 0;
    return { line, samples: samples.filter(({ at }) => at > end - hourMs), isThere: true };
  });
  const end = Math.max(0, ...there.flatMap(({ samples }) => samples.at(-1)?.at ?? []));
  const gone = [...known.values()]
    .map((node) => ({ ...node, isThere: false }))
    .filter(({ samples }) => (samples.at(-1)?.at ?? 0) > end - hourMs);
  return {
    nodes: [...there, ...gone],
    stepMs: answer.sample_every_ms,
    newsAt: hasNews ? now : history.newsAt,
  };
}
