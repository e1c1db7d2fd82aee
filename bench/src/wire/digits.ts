const zero = 0x30;
const nine = 0x39;

/** The number whose digits begin at `from`, or -1 where there are none. */
export function numberAt(bytes: Buffer, from: number, end: number): number {
  let value = 0;
  let at = from;
  for (; at < end && bytes[at]! >= zero && bytes[at]! <= nine; at++) value = value * 10 + bytes[at]! - zero;
  return at === from ? -1 : value;
}
