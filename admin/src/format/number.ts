const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** 12,345 */
export function formatCount(count: number): string {
  return whole.format(count);
}

/** 0.02, 3.4, 120, 12,345: as many digits as say something. */
export function formatRate(perSecond: number): string {
  if (perSecond === 0) return '0';
  if (perSecond < 0.01) return '<0.01';
  if (perSecond < 0.995) return perSecond.toFixed(2);
  if (perSecond < 99.95) return perSecond.toFixed(1).replace(/\.0$/, '');
  return whole.format(perSecond);
}

/** For an axis: 1.2k, 3M. */
export function formatShort(amount: number): string {
  if (amount >= 1e6) return `${trimmed(amount / 1e6)}M`;
  if (amount >= 1e3) return `${trimmed(amount / 1e3)}k`;
  return trimmed(amount);
}

function trimmed(amount: number): string {
  return String(Number(amount.toPrecision(3)));
}

/** `1 connection`, `2 connections`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
