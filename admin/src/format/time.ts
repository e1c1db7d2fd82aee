const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const shortClock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const dayAndClock = new Intl.DateTimeFormat('en-GB', {
  day: '2-digit',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

const dayMs = 24 * 60 * 60 * 1000;

/** 03:07:09, of the operator's own day and zone. */
export function clockTime(ms: number): string {
  return clock.format(ms);
}

/** 03:07 */
export function shortTime(ms: number): string {
  return shortClock.format(ms);
}

/** The time; the day too where it was not within the last day. */
export function logTime(ms: number, now: number): string {
  return Math.abs(now - ms) < dayMs / 2 ? clock.format(ms) : dayAndClock.format(ms);
}

/** To compare with other logs, which are in UTC. */
export function exactTime(ms: number): string {
  return new Date(ms).toISOString();
}
