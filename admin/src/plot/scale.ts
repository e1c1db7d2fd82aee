// Halves are written beside the axis too.
const steps = [1, 2, 3, 4, 6, 8, 10];
const binarySteps = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/** The top of an axis: the least round number that is not below the highest value. */
export function niceTop(highest: number, least: number): number {
  const wanted = Math.max(highest, least);
  if (wanted <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(wanted));
  return power * steps.find((step) => step * power >= wanted * (1 - 1e-9))!;
}

/** The same for bytes. */
export function niceByteTop(highest: number, least: number): number {
  const wanted = Math.max(highest, least, 1);
  const power = 1024 ** Math.floor(Math.log2(wanted) / 10);
  return power * binarySteps.find((step) => step * power >= wanted)!;
}
