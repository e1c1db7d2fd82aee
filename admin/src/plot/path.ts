import type { Point } from './series.ts';

/** What a plot is drawn on; it is stretched over the place that there is. */
export const drawing = { width: 1000, height: 100 } as const;

export interface Frame {
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly to: number;
  readonly top: number;
}

/** The line through the points, broken where nothing is known. */
export function linePath(points: readonly Point[], frame: Frame): string {
  return runs(points, frame)
    .map((run) => `M${run.map(({ x, y }) => `${x} ${y}`).join('L')}${run.length === 1 ? 'h0.01' : ''}`)
    .join('');
}

/** What lies below the line. */
export function areaPath(points: readonly Point[], frame: Frame): string {
  return runs(points, frame)
    .map((run) => {
      const line = run.map(({ x, y }) => `${x} ${y}`).join('L');
      return `M${run[0]!.x} ${drawing.height}L${line}L${run.at(-1)!.x} ${drawing.height}Z`;
    })
    .join('');
}

interface Place {
  readonly x: number;
  readonly y: number;
}

function runs(points: readonly Point[], { from, to, top }: Frame): Place[][] {
  const found: Place[][] = [[]];
  for (const { at, value } of points) {
    if (at < from || at > to) continue;
    if (value === null) found.push([]);
    else {
      const x = round(((at - from) / (to - from)) * drawing.width);
      found.at(-1)!.push({ x, y: round(drawing.height * (1 - Math.min(value, top) / top)) });
    }
  }
  return found.filter((run) => run.length > 0);
}

function round(amount: number): number {
  return Math.round(amount * 100) / 100;
}
