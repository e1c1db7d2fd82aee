import type { ConnectionLine } from '../../connection/protocol.ts';
import { Age } from '../../format/age.tsx';
import { formatBytes } from '../../format/bytes.ts';
import { formatDuration } from '../../format/duration.ts';
import { formatCount } from '../../format/number.ts';
import { hrefOf } from '../../route.ts';
import type { Column } from '../../table/column.ts';
import { Badge } from '../../ui/badge.tsx';
import { UserText } from '../../ui/user-text.tsx';

/** Columns whose keys are orders of the server are those by which the list can be ordered. */
export function connectionColumns(disconnect: (line: ConnectionLine) => void): readonly Column<ConnectionLine>[] {
  return [
    {
      key: 'user',
      title: 'User',
      value: ({ user_id }) => user_id,
      cell: ({ client_id, user_id, user_name }) => (
        <a className="row-link" href={hrefOf('connections', client_id)}>
          <UserText text={user_id} />
          {user_name !== null && <UserText text={user_name} className="second" />}
        </a>
      ),
    },
    {
      key: 'address',
      title: 'Address',
      width: 8,
      value: ({ address }) => address,
      cell: ({ address }) => <UserText text={address} className="code" />,
    },
    {
      key: 'client',
      title: 'Client',
      hint: 'What the client says it is',
      width: 8,
      value: ({ client }) => client,
      cell: ({ client }) => (client === null ? <span className="hint">not said</span> : <UserText text={client} />),
    },
    {
      key: 'subscriptions',
      title: 'Subs',
      csvTitle: 'subscriptions (threads)',
      hint: 'Threads that it follows',
      isNumber: true,
      width: 4.5,
      value: ({ subscriptions }) => subscriptions,
      cell: ({ subscriptions }) => formatCount(subscriptions),
    },
    {
      key: 'buffered_bytes',
      title: 'Buffered',
      csvTitle: 'buffered (bytes)',
      hint: 'What it was sent and has not taken yet',
      isNumber: true,
      width: 6,
      value: ({ buffered_bytes }) => buffered_bytes,
      cell: ({ buffered_bytes }) => formatBytes(buffered_bytes),
    },
    {
      key: 'round_trip',
      title: 'Round trip',
      csvTitle: 'round trip (ms)',
      hint: 'Of the last ping',
      isNumber: true,
      width: 7,
      value: ({ round_trip_ms }) => round_trip_ms,
      cell: ({ round_trip_ms }) => (round_trip_ms === null ? '–' : formatDuration(round_trip_ms)),
    },
    {
      key: 'slow',
      title: 'Pace',
      hint: 'Whether it keeps up with what it is sent',
      isHighestFirst: true,
      width: 5.25,
      value: ({ is_slow }) => (is_slow ? 'slow' : 'ok'),
      cell: ({ is_slow }) => <Badge tone={is_slow ? 'warn' : 'good'}>{is_slow ? 'slow' : 'ok'}</Badge>,
    },
    {
      key: 'connected_at',
      title: 'Connected',
      csvTitle: 'connected (UTC)',
      isNumber: true,
      width: 7,
      value: ({ connected_at }) => Date.parse(connected_at),
      csv: ({ connected_at }) => connected_at,
      cell: ({ connected_at }) => <Age at={Date.parse(connected_at)} />,
    },
    {
      key: 'do',
      title: 'Actions',
      isAction: true,
      width: 7,
      value: () => null,
      cell: (line) => (
        <button type="button" className="row-button" onClick={() => disconnect(line)}>
          Disconnect
        </button>
      ),
    },
  ];
}
