import { useId, useMemo } from 'react';
import type { KeyboardEvent, PointerEvent, ReactElement } from 'react';
import { clockTime, shortTime } from '../format/time.ts';
import { areaPath, drawing, linePath } from './path.ts';
import { niceTop } from './scale.ts';
import { latest, valueNear } from './series.ts';
import type { Point } from './series.ts';

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
}

export interface PlotFrame {
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly to: number;
  readonly stepMs: number;
  /** The moment that is looked at, in all plots at once. */
  readonly lookedAt: number | undefined;
  readonly look: (at: number | undefined) => void;
}

interface PlotProps {
  readonly title: string;
  /** What the number says where the title does not. */
  readonly hint?: string;
  readonly series: readonly Series[];
  readonly frame: PlotFrame;
  readonly format: (value: number) => string;
  readonly formatAxis?: (value: number) => string;
  /** The top of the axis is no lower. */
  readonly leastTop: number;
  readonly topOf?: (highest: number, least: number) => number;
  /** Above it something is wrong. */
  readonly limit?: number;
}

const none = '–';

/** Numbers over time, with the one of now, or of the moment that is pointed at, above. */
export function Plot(props: PlotProps): ReactElement {
  const { title, hint, series, frame, format, formatAxis = format, leastTop, topOf = niceTop, limit } = props;
  const { from, to, stepMs, lookedAt, look } = frame;
  const id = useId();
  const highest = useMemo(
    () => series.reduce((top, { points }) => points.reduce((best, { value }) => Math.max(best, value ?? 0), top), 0),
    [series],
  );
  const top = topOf(highest, leastTop);
  const shape = { from, to, top };
  const shown = series.map(({ name, points }) => {
    const point = lookedAt === undefined ? undefined : valueNear(points, lookedAt, stepMs);
    const value = lookedAt === undefined ? latest(points) : (point?.value ?? null);
    return { name, at: point?.at, value, text: value === null ? none : format(value) };
  });
  const isOver = limit !== undefined && shown.some(({ value }) => value !== null && value > limit);
  const isLooking = lookedAt !== undefined;
  const moment = isLooking ? clockTime(shown[0]?.at ?? lookedAt) : 'now';

  const lookAtPointer = (event: PointerEvent<HTMLElement>): void => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    look(from + Math.min(1, Math.max(0, (event.clientX - left) / width)) * (to - from));
  };
  const lookByKey = (event: KeyboardEvent): void => {
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -12, PageDown: 12 }[event.key];
    if (steps !== undefined) look(Math.min(to, Math.max(from, (lookedAt ?? to) + steps * stepMs)));
    else if (event.key === 'Home') look(from);
    else if (event.key === 'End') look(to);
    else if (event.key === 'Escape') look(undefined);
    else return;
    event.preventDefault();
  };

  return (
    <figure className="plot" data-over={isOver || undefined}>
      <figcaption className="plot-head">
        <span className="plot-title" id={id} title={hint}>
          {title}
        </span>
        <span className="plot-moment">{isLooking ? moment : ''}</span>
        <span className="plot-values">
          {shown.map(({ name, text }, i) => (
            <span key={name} className="plot-value" data-series={series.length > 1 ? i : undefined}>
              {series.length > 1 && <span className="plot-name">{name}</span>}
              {text}
            </span>
          ))}
        </span>
      </figcaption>
      <div className="plot-body">
        <div className="plot-axis" aria-hidden="true">
          <span>{formatAxis(top)}</span>
          <span>{formatAxis(top / 2)}</span>
          <span>0</span>
        </div>
        <div
          className="plot-area"
          role="slider"
          tabIndex={0}
          aria-labelledby={id}
          aria-orientation="horizontal"
          aria-valuemin={Math.round(from / 1000)}
          aria-valuemax={Math.round(to / 1000)}
          aria-valuenow={Math.round((lookedAt ?? to) / 1000)}
          aria-valuetext={`${moment}: ${shown.map(({ name, text }) => (series.length > 1 ? `${name} ${text}` : text)).join(', ')}`}
          onPointerMove={lookAtPointer}
          onPointerDown={lookAtPointer}
          onPointerLeave={() => look(undefined)}
          onKeyDown={lookByKey}
          onBlur={() => look(undefined)}
        >
          <svg viewBox={`0 0 ${drawing.width} ${drawing.height}`} preserveAspectRatio="none" aria-hidden="true">
            <path className="plot-grid" d={`M0 0H${drawing.width}M0 50H${drawing.width}`} />
            {limit !== undefined && limit < top && (
              <path className="plot-limit" d={`M0 ${drawing.height * (1 - limit / top)}H${drawing.width}`} />
            )}
            {series.map(({ name, points }, i) => (
              <g key={name} className="plot-series" data-series={i}>
                {i === 0 && <path className="plot-fill" d={areaPath(points, shape)} />}
                <path className="plot-line" d={linePath(points, shape)} />
              </g>
            ))}
            <path className="plot-base" d={`M0 ${drawing.height}H${drawing.width}`} />
            {lookedAt !== undefined && (
              <path
                className="plot-look"
                d={`M${(((shown[0]?.at ?? lookedAt) - from) / (to - from)) * drawing.width} 0V${drawing.height}`}
              />
            )}
          </svg>
        </div>
        <div className="plot-times" aria-hidden="true">
          <span>{shortTime(from)}</span>
          <span>{shortTime((from + to) / 2)}</span>
          <span>{shortTime(to)}</span>
        </div>
      </div>
    </figure>
  );
}
