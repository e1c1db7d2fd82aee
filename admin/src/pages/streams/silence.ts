import type { StreamLine } from '../../connection/protocol.ts';

/** A stream that runs and has had no text for longer than this is silent. */
const silentAfterMs = 10_000;

/** For how long it has had no text: since the last one, or, before any, since it began or was taken up. */
export function withoutTextMs({ last_text_ms: lastMs, age_ms: ageMs }: StreamLine): number {
  return lastMs ?? ageMs;
}

/** Whether it runs, its producer is there, and nothing comes. */
export function isSilent(stream: StreamLine): boolean {
  return stream.state === 'streaming' && withoutTextMs(stream) > silentAfterMs;
}
