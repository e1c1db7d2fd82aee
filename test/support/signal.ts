export interface Signal {
  readonly promise: Promise<void>;
  resolve(): void;
}

/** A promise that is resolved from outside. */
export function newSignal(): Signal {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
