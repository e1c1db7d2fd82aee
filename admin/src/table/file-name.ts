/** `threads-2030-01-31-2359.csv`, in UTC. */
export function fileName(what: string, now: number): string {
  const [day, time] = new Date(now).toISOString().split('T') as [string, string];
  return `threadwire-${what}-${day}-${time.slice(0, 5).replace(':', '')}.csv`;
}
