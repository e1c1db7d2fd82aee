const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** How long something takes: 0.4 ms, 12 ms, 3.4 s, 2m 05s. */
export function formatDuration(ms: number): string {
  if (ms < 9.95) return `${Number(ms.toFixed(1))} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9950) return `${(ms / secondMs).toFixed(1)} s`;
  return formatAge(ms);
}

/** How old something is, in its two largest units: 12s, 3m 20s, 5h 07m, 2d 4h. */
export function formatAge(ms: number): string {
  const whole = Math.max(0, ms);
  if (whole < minuteMs) return `${Math.floor(whole / secondMs)}s`;
  if (whole < hourMs) return two(whole, minuteMs, 'm', secondMs, 's');
  if (whole < dayMs) return two(whole, hourMs, 'h', minuteMs, 'm');
  return `${Math.floor(whole / dayMs)}d ${Math.floor((whole % dayMs) / hourMs)}h`;
}

function two(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((ms % large) / small);
  return `${Math.floor(ms / large)}${largeName} ${String(rest).padStart(2, '0')}${smallName}`;
}
