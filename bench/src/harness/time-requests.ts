/** Makes requests one after the other, and gives how long each took, in ms. */
export async function timeRequests(count: number, request: () => Promise<void>): Promise<number[]> {
  const tookMs: number[] = [];
  for (let i = 0; i < count; i++) {
    const beganAt = performance.now();
    await request();
    tookMs.push(performance.now() - beganAt);
  }
  return tookMs;
}
