import { useMemo, useState } from 'react';
import type { ReactElement } from 'react';
import { hourMs } from '../../nodes/node-history.ts';
import { useNodeHistory } from '../../nodes/use-node-history.ts';
import { Plot } from '../../plot/plot.tsx';
import type { PlotFrame } from '../../plot/plot.tsx';
import { joinedPoints } from '../../plot/series.ts';
import { SelectField } from '../../table/toolbar.tsx';
import { useQuery } from '../../use-route.ts';
import { PageHead } from '../page-head.tsx';
import { measures } from './measures.ts';
import { NodeTable } from './node-table.tsx';

const minuteMs = 60_000;
const spans = [
  ['60', 'Last hour'],
  ['15', 'Last 15 minutes'],
  ['5', 'Last 5 minutes'],
] as const;

/** How the nodes do, and did in the last hour. */
export function OverviewPage(): ReactElement {
  const { nodes, stepMs } = useNodeHistory();
  const [minutes, setMinutes] = useQuery('minutes', '60');
  const [only, setOnly] = useQuery('node');
  const [lookedAt, look] = useState<number>();
  const there = nodes.filter(({ isThere }) => isThere);
  const isOnly = there.some(({ line }) => line.server_id === only);
  const drawn = useMemo(
    () => (isOnly ? nodes.filter(({ line }) => line.server_id === only) : nodes),
    [nodes, isOnly, only],
  );
  const to = Math.max(0, ...drawn.flatMap(({ samples }) => samples.at(-1)?.at ?? []));
  const spanMs = Math.min(hourMs, Math.max(1, Number(minutes) || 60) * minuteMs);
  const frame: PlotFrame = { from: to - spanMs, to, stepMs, lookedAt, look };
  const plots = useMemo(
    () =>
      measures.map(({ readings, points, join, ...rest }) => ({
        ...rest,
        series: readings.map(({ name, read }) => ({
          name,
          points: joinedPoints(
            drawn.map(({ samples }) => points(samples, read, stepMs)),
            join,
            stepMs,
          ).filter(({ at }) => at >= to - spanMs),
        })),
      })),
    [drawn, stepMs, to, spanMs],
  );

  return (
    <>
      <PageHead title="Overview">
        {there.length > 1 && (
          <SelectField
            label="Node"
            value={isOnly ? only : ''}
            options={[
              ['', 'All nodes'],
              ...there.map(({ line }) => [line.server_id, `${line.host}#${line.pid}`] as const),
            ]}
            onChange={setOnly}
          />
        )}
        <SelectField label="Time" value={minutes} options={spans} onChange={setMinutes} />
      </PageHead>
      <NodeTable nodes={there} />
      <section aria-labelledby="plots-title">
        <h2 className="visually-hidden" id="plots-title">
          Over time
        </h2>
        {to === 0 ? (
          <p className="loading">Waiting for the first samples…</p>
        ) : (
          <div className="plots">
            {plots.map((plot) => (
              <Plot key={plot.title} frame={frame} {...plot} />
            ))}
          </div>
        )}
      </section>
    </>
  );
}
