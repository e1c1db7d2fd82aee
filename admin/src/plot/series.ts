import type { Sample } from '../connection/protocol.ts';

/** A moment of a series; null where nothing is known: there the line is broken. */
export interface Point {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly value: number | null;
}

/** Of what is always shown: samples that are further apart than this many steps have a gap between them. */
const gapSteps = 2.5;

/** What was read off at each sample. */
export function gaugePoints(samples: readonly Sample[], read: (sample: Sample) => number, stepMs: number): Point[] {
  return samples.flatMap((sample, i) => {
    const point = { at: sample.at, value: read(sample) };
    const before = samples[i - 1];
    return before && sample.at - before.at > gapSteps * stepMs
      ? [{ at: before.at + stepMs, value: null }, point]
      : [point];
  });
}

/** How fast a counter rose, per second. One that fell began anew: how far it had come before is not known. */
export function ratePoints(samples: readonly Sample[], read: (sample: Sample) => number, stepMs: number): Point[] {
  return samples.slice(1).map((sample, i) => {
    const before = samples[i]!;
    const passedMs = sample.at - before.at;
    const rise = read(sample) - read(before);
    const isKnown = passedMs > 0 && passedMs <= gapSteps * stepMs && rise >= 0;
    return { at: sample.at, value: isKnown ? (rise * 1000) / passedMs : null };
  });
}

/**
 * The series of several nodes as one. Nodes take their samples at different moments: at each step the last value of each
 * counts that is not older than two steps.
 */
export function joinedPoints(
  series: readonly (readonly Point[])[],
  join: (values: readonly number[]) => number,
  stepMs: number,
): Point[] {
  const some = series.filter((points) => points.length > 0);
  if (some.length <= 1) return [...(some[0] ?? [])];
  const first = Math.min(...some.map((points) => points[0]!.at));
  const last = Math.max(...some.map((points) => points.at(-1)!.at));
  const joined: Point[] = [];
  const next = some.map(() => 0);
  for (let at = first + stepMs; at < last + stepMs; at += stepMs) {
    const values = some.flatMap((points, i) => {
      while ((points[next[i]!]?.at ?? Infinity) <= at) next[i]! += 1;
      const point = points[next[i]! - 1];
      return point && point.value !== null && at - point.at < 2 * stepMs ? [point.value] : [];
    });
    joined.push({ at, value: values.length === 0 ? null : join(values) });
  }
  return joined;
}

export function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

export function highest(values: readonly number[]): number {
  return Math.max(...values);
}

/** The last value, if it is of now: not followed by a gap. */
export function latest(points: readonly Point[]): number | null {
  return points.at(-1)?.value ?? null;
}

/** What is known of a moment: the nearest value within a step of it. */
export function valueNear(points: readonly Point[], at: number, stepMs: number): Point | undefined {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle]!.at < at) low = middle + 1;
    else high = middle;
  }
  const near = [points[low - 1], points[low]].filter((point) => point !== undefined);
  const best = near.sort((a, b) => Math.abs(a.at - at) - Math.abs(b.at - at))[0];
  return best && Math.abs(best.at - at) <= 1.5 * stepMs ? best : undefined;
}
