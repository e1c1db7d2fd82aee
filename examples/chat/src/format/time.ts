// The page speaks English; whether a day has 12 or 24 hours is up to the reader.
const { hourCycle } = new Intl.DateTimeFormat(undefined, { hour: 'numeric' }).resolvedOptions();
const clock = new Intl.DateTimeFormat('en', {
  hour: hourCycle === 'h12' || hourCycle === 'h11' ? 'numeric' : '2-digit',
  minute: '2-digit',
  ...(hourCycle !== undefined && { hourCycle }),
});
const weekday = new Intl.DateTimeFormat('en', { weekday: 'short' });
const shortDate = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short' });
const shortDateWithYear = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', year: 'numeric' });
const longDate = new Intl.DateTimeFormat('en', { weekday: 'long', day: 'numeric', month: 'long' });
const longDateWithYear = new Intl.DateTimeFormat('en', {
  weekday: 'long',
  day: 'numeric',
  month: 'long',
  year: 'numeric',
});

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

export function clockTime(ms: number): string {
  return clock.format(ms);
}

/** Day and time, for whoever wants to know exactly. */
export function fullTime(ms: number): string {
  return `${longDateWithYear.format(ms)}, ${clock.format(ms)}`;
}

/** Midnight before a time: the same for all times of a day. */
export function dayOf(ms: number): number {
  return new Date(ms).setHours(0, 0, 0, 0);
}

export function dayLabel(day: number, now: number): string {
  const daysAgo = Math.round((dayOf(now) - day) / dayMs);
  if (daysAgo === 0) return 'Today';
  if (daysAgo === 1) return 'Yesterday';
  return sameYear(day, now) ? longDate.format(day) : longDateWithYear.format(day);
}

/** How long ago, in as few letters as a list has room for. */
export function shortAge(ms: number, now: number): string {
  const minutes = Math.floor((now - ms) / minuteMs);
  if (minutes < 1) return 'now';
  if (minutes < 60) return `${minutes}m`;
  const daysAgo = Math.round((dayOf(now) - dayOf(ms)) / dayMs);
  if (daysAgo < 1 || minutes < 12 * 60) return `${Math.floor(minutes / 60)}h`;
  if (daysAgo === 1) return 'Yesterday';
  if (daysAgo < 7) return weekday.format(ms);
  return sameYear(ms, now) ? shortDate.format(ms) : shortDateWithYear.format(ms);
}

function sameYear(a: number, b: number): boolean {
  return new Date(a).getFullYear() === new Date(b).getFullYear();
}
