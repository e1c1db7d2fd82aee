const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** In the largest unit of which there is at least one, with three digits. */
export function formatBytes(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  while (amount >= 999.5 && unit < units.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(amount) : threeDigits(amount)} ${units[unit]}`;
}

function threeDigits(amount: number): string {
  return amount.toFixed(amount < 9.995 ? 2 : amount < 99.95 ? 1 : 0);
}
