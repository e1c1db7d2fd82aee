import type { Sample } from '../../connection/protocol.ts';
import { formatBytes } from '../../format/bytes.ts';
import { formatDuration } from '../../format/duration.ts';
import { formatCount, formatRate, formatShort } from '../../format/number.ts';
import { loopDelayLimitMs } from '../../nodes/alarms.ts';
import { niceByteTop, niceTop } from '../../plot/scale.ts';
import { gaugePoints, highest, ratePoints, total } from '../../plot/series.ts';

interface Reading {
  readonly name: string;
  readonly read: (sample: Sample) => number;
}

/** One plot of the overview. */
export interface Measure {
  readonly title: string;
  readonly hint: string;
  readonly readings: readonly Reading[];
  readonly points: typeof gaugePoints;
  /** Of several nodes. */
  readonly join: (values: readonly number[]) => number;
  readonly format: (value: number) => string;
  readonly formatAxis: (value: number) => string;
  readonly leastTop: number;
  readonly topOf: (highest: number, least: number) => number;
  readonly limit?: number;
}

const counts = {
  points: gaugePoints,
  join: total,
  format: formatCount,
  formatAxis: formatShort,
  leastTop: 10,
  topOf: niceTop,
} as const;
const rates = {
  ...counts,
  points: ratePoints,
  format: (value: number) => `${formatRate(value)}/s`,
  leastTop: 1,
} as const;
const bytes = {
  ...counts,
  format: formatBytes,
  formatAxis: (value: number) => formatBytes(value).replace(/\.0+ /, ' '),
  leastTop: 64 * 1024,
  topOf: niceByteTop,
} as const;

const mebibyte = 1024 * 1024;

export const measures: readonly Measure[] = [
  {
    ...counts,
    title: 'Connections',
    hint: 'Clients that are connected',
    readings: [{ name: 'connections', read: (sample) => sample.connections }],
  },
  {
    ...rates,
    title: 'Messages',
    hint: 'New messages that were stored and announced, per second',
    readings: [{ name: 'messages', read: (sample) => sample.messages }],
  },
  {
    ...rates,
    title: 'Deliveries',
    hint: 'Events of threads that connections were given, per second',
    leastTop: 10,
    readings: [{ name: 'deliveries', read: (sample) => sample.deliveries }],
  },
  {
    ...counts,
    title: 'Streams',
    hint: 'Replies that are being written',
    readings: [{ name: 'streams', read: (sample) => sample.streams }],
  },
  {
    ...rates,
    title: 'Errors',
    hint: 'Requests that were refused, per second',
    readings: [{ name: 'errors', read: (sample) => sample.errors }],
  },
  {
    ...counts,
    title: 'Event-loop delay',
    hint: `In 99 of 100 cases the event loop was late by no more; above ${loopDelayLimitMs} ms everybody feels it`,
    join: highest,
    format: formatDuration,
    formatAxis: (value) => (value >= 1000 ? `${formatShort(value / 1000)}s` : `${formatShort(value)}ms`),
    leastTop: 50,
    limit: loopDelayLimitMs,
    readings: [{ name: 'delay', read: (sample) => sample.loop_delay_ms }],
  },
  {
    ...bytes,
    title: 'Memory',
    hint: 'What the process holds, and how much of that is JavaScript heap in use',
    leastTop: 128 * mebibyte,
    readings: [
      { name: 'rss', read: (sample) => sample.rss_bytes },
      { name: 'heap', read: (sample) => sample.heap_bytes },
    ],
  },
  {
    ...bytes,
    title: 'Traffic',
    hint: 'Bytes to and from clients, per second',
    points: ratePoints,
    format: (value) => `${formatBytes(value)}/s`,
    readings: [
      { name: 'out', read: (sample) => sample.sent_bytes },
      { name: 'in', read: (sample) => sample.received_bytes },
    ],
  },
  {
    ...bytes,
    title: 'Buffered',
    hint: 'What clients were sent and have not taken yet',
    readings: [{ name: 'buffered', read: (sample) => sample.buffered_bytes }],
  },
  {
    ...rates,
    title: 'Changes',
    hint: 'Messages, edits, ends of streams and other changes, per second',
    readings: [{ name: 'changes', read: (sample) => sample.changes }],
  },
  {
    ...counts,
    title: 'Subscriptions',
    hint: 'Threads that connections follow',
    readings: [{ name: 'subscriptions', read: (sample) => sample.subscriptions }],
  },
  {
    ...rates,
    title: 'Slow consumers',
    hint: 'Connections that were closed because they did not keep up, per minute',
    format: (value) => `${formatRate(value)}/min`,
    points: (samples, read, stepMs) =>
      ratePoints(samples, read, stepMs).map(({ at, value }) => ({ at, value: value === null ? null : value * 60 })),
    leastTop: 10,
    readings: [{ name: 'slow', read: (sample) => sample.slow_consumers }],
  },
];
