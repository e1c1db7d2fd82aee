import type { ReactElement } from 'react';
import { formatBytes } from '../../format/bytes.ts';
import { formatDuration } from '../../format/duration.ts';
import { formatCount, formatRate } from '../../format/number.ts';
import { Age } from '../../format/age.tsx';
import { nodeAlarms } from '../../nodes/alarms.ts';
import type { KnownNode } from '../../nodes/node-history.ts';
import { useNodeHistory } from '../../nodes/use-node-history.ts';
import { latest, ratePoints } from '../../plot/series.ts';
import type { Column } from '../../table/column.ts';
import { DataTable } from '../../table/data-table.tsx';
import { useSort } from '../../table/use-sort.ts';
import { Badge } from '../../ui/badge.tsx';
import { UserText } from '../../ui/user-text.tsx';
import type { Sample } from '../../connection/protocol.ts';

const storeNames = { embedded: 'Embedded', mongodb: 'MongoDB' } as const;

/** Each process that serves. */
export function NodeTable({ nodes }: { readonly nodes: readonly KnownNode[] }): ReactElement {
  const { stepMs } = useNodeHistory();
  const [sort, setSort] = useSort('node');
  const rate = ({ samples }: KnownNode, read: (sample: Sample) => number): number | null =>
    latest(ratePoints(samples.slice(-2), read, stepMs));
  const columns: readonly Column<KnownNode>[] = [
    {
      key: 'node',
      title: 'Node',
      hint: 'Host, process and version of Node.js',
      value: ({ line }) => `${line.host}#${line.pid}`,
      cell: ({ line }) => (
        <span className="row-link">
          <UserText text={`${line.host}#${line.pid}`} />
          <UserText text={line.node_version} className="second" />
        </span>
      ),
    },
    {
      key: 'health',
      title: 'Health',
      width: 6.5,
      value: (node) => nodeAlarms(node).length,
      cell: (node) => <Health node={node} />,
      csv: (node) =>
        nodeAlarms(node)
          .map(({ text }) => text)
          .join('; ') || 'well',
    },
    {
      key: 'connections',
      title: 'Conns',
      hint: 'Connections',
      isNumber: true,
      width: 5,
      ...ofLast(({ connections }) => connections, formatCount),
    },
    {
      key: 'messages',
      title: 'Msg/s',
      hint: 'Messages per second',
      isNumber: true,
      width: 5,
      value: (node) => rate(node, ({ messages }) => messages),
      cell: (node) =>
        shown(
          rate(node, ({ messages }) => messages),
          formatRate,
        ),
    },
    {
      key: 'deliveries',
      title: 'Deliv/s',
      hint: 'Deliveries per second',
      isNumber: true,
      width: 5.5,
      value: (node) => rate(node, ({ deliveries }) => deliveries),
      cell: (node) =>
        shown(
          rate(node, ({ deliveries }) => deliveries),
          formatRate,
        ),
    },
    {
      key: 'delay',
      title: 'Loop delay',
      hint: 'Of the event loop, 99th percentile',
      isNumber: true,
      width: 7,
      ...ofLast(({ loop_delay_ms }) => loop_delay_ms, formatDuration),
    },
    {
      key: 'memory',
      title: 'Memory',
      hint: 'Resident',
      isNumber: true,
      width: 6.25,
      ...ofLast(({ rss_bytes }) => rss_bytes, formatBytes),
    },
    {
      key: 'store',
      title: 'Store',
      width: 9.5,
      value: ({ line }) => line.store,
      cell: ({ line: { store, is_store_up: isUp } }) => (
        <Badge tone={isUp ? 'good' : 'bad'}>{`${storeNames[store]} ${isUp ? 'up' : 'down'}`}</Badge>
      ),
    },
    {
      key: 'broker',
      title: 'Broker',
      width: 5.75,
      value: ({ samples }) => brokerState(samples),
      cell: ({ samples }) => {
        const state = brokerState(samples);
        return <Badge tone={state === 'up' ? 'good' : state === 'down' ? 'bad' : 'quiet'}>{state}</Badge>;
      },
    },
    {
      key: 'up',
      title: 'Up for',
      isNumber: true,
      width: 6,
      value: ({ line }) => -Date.parse(line.started_at),
      cell: ({ line }) => <Age at={Date.parse(line.started_at)} />,
      csv: ({ line }) => line.started_at,
    },
  ];
  return (
    <DataTable
      caption="Nodes"
      columns={columns}
      rows={nodes.length === 0 ? undefined : nodes}
      keyOf={({ line }) => line.server_id}
      sort={sort}
      onSort={setSort}
      empty="No node has answered yet."
    />
  );
}

function Health({ node }: { readonly node: KnownNode }): ReactElement {
  const alarms = nodeAlarms(node);
  const [worst] = alarms;
  if (!worst) return <Badge tone="good">Well</Badge>;
  return (
    <span title={alarms.map(({ text }) => text).join('\n')}>
      <Badge tone={worst.tone}>
        {node.line.is_draining ? 'Draining' : worst.tone === 'bad' ? 'Failing' : 'Strained'}
      </Badge>
    </span>
  );
}

function brokerState(samples: readonly Sample[]): 'up' | 'down' | 'none' {
  const isUp = samples.at(-1)?.is_broker_up ?? null;
  return isUp === null ? 'none' : isUp ? 'up' : 'down';
}

function ofLast(
  read: (sample: Sample) => number,
  format: (value: number) => string,
): Pick<Column<KnownNode>, 'value' | 'cell'> {
  const value = ({ samples }: KnownNode): number | null => {
    const last = samples.at(-1);
    return last ? read(last) : null;
  };
  return { value, cell: (node) => shown(value(node), format) };
}

function shown(value: number | null, format: (value: number) => string): string {
  return value === null ? '–' : format(value);
}
