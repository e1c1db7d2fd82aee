import type { StreamLine } from '../../connection/protocol.ts';
import { formatAge, formatDuration } from '../../format/duration.ts';
import { Age } from '../../format/age.tsx';
import { formatCount, formatRate } from '../../format/number.ts';
import { hrefOf } from '../../route.ts';
import type { Column } from '../../table/column.ts';
import { Badge } from '../../ui/badge.tsx';
import { UserText } from '../../ui/user-text.tsx';
import { isSilent, withoutTextMs } from './silence.ts';
import { streamTones, tokensPerSecond } from './stream-states.ts';

export type ShownStream = StreamLine & { readonly ended_at?: string };

const estimate = 'An estimate: a quarter of the characters, as is usual for English';

const state: Column<ShownStream> = {
  key: 'state',
  title: 'State',
  width: 7,
  value: (stream) => stream.state,
  cell: (stream) => (
    <span title={stream.state === 'waiting' ? 'Its producer has gone, and may come back' : undefined}>
      <Badge tone={streamTones[stream.state]}>{stream.state}</Badge>
    </span>
  ),
};

const thread: Column<ShownStream> = {
  key: 'thread',
  title: 'Thread',
  value: ({ thread_id: id }) => id,
  cell: ({ thread_id: id }) => (
    <a className="row-link" href={hrefOf('threads', id)}>
      <UserText text={id} />
    </a>
  ),
};

const producer: Column<ShownStream> = {
  key: 'producer',
  title: 'Producer',
  width: 8.5,
  value: ({ user_id: id }) => id,
  cell: ({ user_id: id }) => (
    <a className="row-link" href={hrefOf('connections', undefined, { q: id })} title="Its connections">
      <UserText text={id} />
    </a>
  ),
};

const lastText: Column<ShownStream> = {
  key: 'last',
  title: 'Last text',
  csvTitle: 'last text (ms ago)',
  hint: 'How long ago; silent after ten seconds without any, also before the first',
  isNumber: true,
  width: 8,
  value: withoutTextMs,
  csv: ({ last_text_ms: lastMs }) => lastMs,
  cell: (stream) =>
    isSilent(stream) ? (
      <Badge tone="warn">silent {formatAge(withoutTextMs(stream))}</Badge>
    ) : stream.last_text_ms === null ? (
      '–'
    ) : (
      formatDuration(stream.last_text_ms)
    ),
};

const rest: readonly Column<ShownStream>[] = [
  {
    key: 'tokens',
    title: '≈ tokens/s',
    csvTitle: 'tokens per second (estimate)',
    hint: estimate,
    isNumber: true,
    width: 7,
    value: tokensPerSecond,
    cell: (stream) => {
      const tokens = tokensPerSecond(stream);
      if (tokens === null) return '–';
      const title = `${estimate}: ${formatRate(stream.units_per_second ?? 0)} characters/s`;
      return <span title={title}>≈ {formatRate(tokens)}</span>;
    },
  },
  {
    key: 'chars',
    title: 'chars/s',
    csvTitle: 'characters per second (UTF-16 units)',
    isNumber: true,
    isHidden: true,
    value: (stream) => stream.units_per_second,
  },
  {
    key: 'first',
    title: 'First text',
    csvTitle: 'first text (ms)',
    hint: 'From its start to its first text; not known where it was taken up',
    isNumber: true,
    width: 6.5,
    value: (stream) => stream.first_text_ms,
    cell: (stream) => (stream.first_text_ms === null ? '–' : formatDuration(stream.first_text_ms)),
  },
  {
    key: 'length',
    title: 'Length',
    csvTitle: 'length (UTF-16 units)',
    hint: 'UTF-16 units',
    isNumber: true,
    width: 5.25,
    value: (stream) => stream.length,
    cell: (stream) => formatCount(stream.length),
  },
  {
    key: 'age',
    title: 'Lasts',
    csvTitle: 'lasts (ms)',
    hint: 'Since it began or was taken up; of one that ended, until then',
    isNumber: true,
    width: 5,
    value: (stream) => stream.age_ms,
    cell: (stream) => formatAge(stream.age_ms),
  },
];

const ended: Column<ShownStream> = {
  key: 'ended',
  title: 'Ended',
  csvTitle: 'ended (UTC)',
  isNumber: true,
  width: 5.75,
  value: (stream) => (stream.ended_at === undefined ? null : Date.parse(stream.ended_at)),
  csv: (stream) => stream.ended_at ?? null,
  cell: (stream) => (stream.ended_at === undefined ? '–' : <Age at={Date.parse(stream.ended_at)} />),
};

const id: Column<ShownStream> = {
  key: 'id',
  title: 'Stream',
  width: 8,
  value: (stream) => stream.id,
  cell: (stream) => <UserText text={stream.id} className="code" />,
};

/** Where streams are shown: those of one thread, or of all. */
export type StreamView = 'thread' | 'running' | 'ended';

export function streamColumns(view: StreamView): readonly Column<ShownStream>[] {
  if (view === 'thread') return [producer, state, id, lastText, ...rest];
  const all = [thread, producer, state, { ...id, isHidden: true }];
  // A spreadsheet has both, those that run and those that ended.
  return view === 'running' ? [...all, lastText, ...rest] : [...all, { ...lastText, isHidden: true }, ...rest, ended];
}
