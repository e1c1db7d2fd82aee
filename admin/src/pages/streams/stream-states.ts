import type { StreamLine } from '../../connection/protocol.ts';
import type { Tone } from '../../ui/badge.tsx';

export const streamTones = {
  streaming: 'busy',
  waiting: 'warn',
  complete: 'good',
  cancelled: 'quiet',
  failed: 'bad',
  interrupted: 'bad',
} as const satisfies Record<StreamLine['state'], Tone>;

/** A token has about four characters of English. */
const unitsPerToken = 4;

export function tokensPerSecond({ units_per_second: units }: StreamLine): number | null {
  return units === null ? null : units / unitsPerToken;
}
