import { formatAge, formatDuration } from '../format/duration.ts';
import { counted } from '../format/number.ts';
import { clockTime } from '../format/time.ts';
import type { LinkState } from '../connection/link.ts';
import type { KnownNode, NodeHistory } from './node-history.ts';

/** What an operator has to know at once. */
export interface Alarm {
  readonly tone: 'bad' | 'warn';
  readonly text: string;
}

export const loopDelayLimitMs = 100;
const slowWindowMs = 5 * 60_000;
/** Samples that are missing in a row. */
const silentSteps = 3;

interface Situation {
  readonly link: LinkState;
  /** Milliseconds since the epoch. */
  readonly offlineSince: number;
  readonly history: NodeHistory;
  readonly isVisible: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** All that is wrong, the worst first. */
export function alarmsOf({ link, offlineSince, history, isVisible, now }: Situation): Alarm[] {
  const alarms: Alarm[] = [];
  if (link === 'offline') {
    alarms.push({ tone: 'bad', text: `This page is offline: it shows what was at ${clockTime(offlineSince)}` });
  }
  const there = history.nodes.filter(({ isThere }) => isThere);
  const isOne = there.length <= 1;
  for (const node of there) alarms.push(...nodeAlarms(node, isOne ? '' : ` on ${node.line.host}#${node.line.pid}`));
  const { newsAt, stepMs } = history;
  // A page that nobody sees does not ask.
  if (link === 'online' && isVisible && newsAt !== undefined && now - newsAt > silentSteps * stepMs + 2000) {
    alarms.push({ tone: 'bad', text: `No news from the server since ${clockTime(newsAt)}` });
  }
  return alarms.sort((a, b) => Number(b.tone === 'bad') - Number(a.tone === 'bad'));
}

/** What is wrong with one node; `where` names it in the text. */
export function nodeAlarms({ line, samples }: KnownNode, where = ''): Alarm[] {
  const alarms: Alarm[] = [];
  const last = samples.at(-1);
  // What the last sample says may be older than what the answer says.
  if (!line.is_store_up) {
    const since = samples.findLast(({ is_store_up }) => is_store_up)?.at ?? samples[0]?.at ?? 0;
    const forText = last?.is_store_up === false && last.at > since ? `, for ${formatAge(last.at - since)}` : '';
    alarms.push({ tone: 'bad', text: `Store down${where}${forText}: nothing can be written` });
  }
  if (last?.is_broker_up === false) {
    alarms.push({ tone: 'bad', text: `Broker down${where}: events of other nodes come late` });
  }
  if (line.is_draining) alarms.push({ tone: 'warn', text: `Draining${where}: it takes no connections and ends then` });
  if (last && last.loop_delay_ms > loopDelayLimitMs) {
    alarms.push({ tone: 'warn', text: `Event loop late by ${formatDuration(last.loop_delay_ms)}${where}` });
  }
  const slow = slowConsumersLately(samples);
  if (slow > 0) {
    alarms.push({ tone: 'warn', text: `${counted(slow, 'slow consumer')} closed in 5 min${where}` });
  }
  return alarms;
}

function slowConsumersLately(samples: KnownNode['samples']): number {
  const last = samples.at(-1);
  if (!last) return 0;
  const first = samples.find(({ at }) => at >= last.at - slowWindowMs)!;
  return Math.max(0, last.slow_consumers - first.slow_consumers);
}
