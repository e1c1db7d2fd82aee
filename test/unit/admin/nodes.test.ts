import { describe, expect, test } from '@jest/globals';
import type { ConsoleAnswers, NodeLine, Sample } from '../../../admin/src/connection/protocol.ts';
import { alarmsOf } from '../../../admin/src/nodes/alarms.ts';
import { emptyHistory, hourMs, seenUntil, withOverview } from '../../../admin/src/nodes/node-history.ts';
import { sampleOf } from './sample-of.ts';

function nodeOf(id: string, samples: readonly Sample[], fields: Partial<NodeLine> = {}): NodeLine {
  return {
    server_id: id,
    host: 'host',
    pid: 7,
    node_version: 'v20',
    started_at: '2030-01-01T00:00:00.000Z',
    store: 'embedded',
    is_draining: false,
    is_store_up: samples.at(-1)?.is_store_up !== false,
    samples,
    ...fields,
  };
}

function overview(...nodes: readonly NodeLine[]): ConsoleAnswers['overview'] {
  return { nodes, sample_every_ms: 5000 };
}

describe('what is known of the nodes', () => {
  test('grows by the samples that are new, each once', () => {
    const first = withOverview(emptyHistory, overview(nodeOf('a', [sampleOf({ at: 1 }), sampleOf({ at: 2 })])), 100);
    expect(seenUntil(first)).toBe(2);
    const next = withOverview(first, overview(nodeOf('a', [sampleOf({ at: 2 }), sampleOf({ at: 3 })])), 200);
    expect(next.nodes[0]!.samples.map(({ at }) => at)).toEqual([1, 2, 3]);
    expect([first.newsAt, next.newsAt]).toEqual([100, 200]);
  });

  test('is no older than an hour, and old news is no news', () => {
    const first = withOverview(emptyHistory, overview(nodeOf('a', [sampleOf({ at: 1 })])), 100);
    const next = withOverview(first, overview(nodeOf('a', [sampleOf({ at: hourMs + 10 })])), 200);
    expect(next.nodes[0]!.samples.map(({ at }) => at)).toEqual([hourMs + 10]);
    expect(withOverview(next, overview(nodeOf('a', [])), 300).newsAt).toBe(200);
  });

  test('keeps a node that is gone for the plots, and asks for what the slowest has not told', () => {
    const both = withOverview(
      emptyHistory,
      overview(nodeOf('a', [sampleOf({ at: 9 })]), nodeOf('b', [sampleOf({ at: 5 })])),
      100,
    );
    expect(seenUntil(both)).toBe(5);
    const one = withOverview(both, overview(nodeOf('a', [sampleOf({ at: 14 })])), 200);
    expect(one.nodes.map(({ line, isThere }) => [line.server_id, isThere])).toEqual([
      ['a', true],
      ['b', false],
    ]);
    expect(seenUntil(one)).toBe(14);
  });
});

describe('alarms', () => {
  const situation = (node: NodeLine, more: Partial<Parameters<typeof alarmsOf>[0]> = {}) =>
    alarmsOf({
      link: 'online',
      offlineSince: 0,
      history: withOverview(emptyHistory, overview(node), 1000),
      isVisible: true,
      now: 2000,
      ...more,
    });

  test('there are none where all is well', () => {
    expect(situation(nodeOf('a', [sampleOf({ at: 1 })]))).toEqual([]);
  });

  test('a store is as the answer says, whatever its last sample said', () => {
    const samples = [sampleOf({ at: 1 })];
    expect(situation(nodeOf('a', samples, { is_store_up: false }))).toMatchObject([
      { tone: 'bad', text: 'Store down: nothing can be written' },
    ]);
    expect(situation(nodeOf('a', [sampleOf({ at: 1, is_store_up: false })], { is_store_up: true }))).toEqual([]);
  });

  test.each([
    ['a store that is down', { is_store_up: false }, 'bad', 'Store down'],
    ['a broker that is down', { is_broker_up: false }, 'bad', 'Broker down'],
    ['a late event loop', { loop_delay_ms: 101 }, 'warn', 'Event loop late by 101 ms'],
  ] as const)('%s is one', (_what, fields, tone, text) => {
    expect(situation(nodeOf('a', [sampleOf({ at: 1, ...fields })]))).toEqual([
      { tone, text: expect.stringContaining(text) },
    ]);
  });

  test('so are slow consumers that were closed lately, but not those of long ago', () => {
    const lately = [sampleOf({ at: 0, slow_consumers: 1 }), sampleOf({ at: 5000, slow_consumers: 3 })];
    expect(situation(nodeOf('a', lately))).toEqual([{ tone: 'warn', text: '2 slow consumers closed in 5 min' }]);
    const longAgo = [
      sampleOf({ at: 0 }),
      sampleOf({ at: 5000, slow_consumers: 3 }),
      sampleOf({ at: 400_000, slow_consumers: 3 }),
    ];
    expect(situation(nodeOf('a', longAgo))).toEqual([]);
  });

  test('the worst is first', () => {
    const alarms = situation(nodeOf('a', [sampleOf({ at: 1, is_store_up: false })], { is_draining: true }), {
      link: 'offline',
    });
    expect(alarms.map(({ tone }) => tone)).toEqual(['bad', 'bad', 'warn']);
    expect(alarms[0]!.text).toContain('offline');
  });

  test('silence is one, but not where nobody looks', () => {
    const node = nodeOf('a', [sampleOf({ at: 1 })]);
    expect(situation(node, { now: 30_000 })).toMatchObject([{ tone: 'bad', text: expect.stringContaining('No news') }]);
    expect(situation(node, { now: 30_000, isVisible: false })).toEqual([]);
  });
});
