import { readFileSync } from 'node:fs';

/** Hundredths of a second that a core has been at work since the machine started; undefined where nobody says. */
export function busyTicks(core: number): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const line = new RegExp(`^cpu${core} (.+)$`, 'm').exec(readFileSync('/proc/stat', 'utf8'))?.[1];
  if (line === undefined) return undefined;
  // What the host took away (steal) is lost to us like what others here use. A guest's time is in the user's already.
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.split(' ').map(Number);
  return user + nice + system + irq + softirq + steal;
}
