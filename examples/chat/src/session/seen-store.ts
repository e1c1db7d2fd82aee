const prefix = 'threadwire-chat:seen:';
/** Windows get a new name each, so names come and go: what the oldest of them saw is forgotten. */
const maxUsers = 30;
const maxThreads = 2000;
const saveAfterMs = 400;

interface Stored {
  readonly usedAt: number;
  readonly seqs: Readonly<Record<string, number>>;
}

/** Up to which seq a user of this browser has seen each thread. */
export class SeenStore {
  readonly #key: string;
  readonly #listeners = new Set<() => void>();
  #seqs: ReadonlyMap<string, number>;
  #saving: ReturnType<typeof setTimeout> | undefined;

  constructor(userId: string) {
    this.#key = prefix + userId;
    this.#seqs = new Map(Object.entries(read(this.#key)?.seqs ?? {}));
    forgetOldest(this.#key);
    // Another window of the same user.
    addEventListener('storage', this.#onStorage);
    addEventListener('pagehide', this.#save);
  }

  /** The same map until something changes. */
  readonly getSnapshot = (): ReadonlyMap<string, number> => this.#seqs;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Everything up to this seq has been seen. Never goes back. */
  mark(threadId: string, seq: number): void {
    if (seq <= (this.#seqs.get(threadId) ?? -1)) return;
    const seqs = new Map(this.#seqs);
    // To the end: the first ones are those that were not looked at for the longest time.
    seqs.delete(threadId);
    seqs.set(threadId, seq);
    this.#set(seqs);
    this.#saving ??= setTimeout(this.#save, saveAfterMs);
  }

  close(): void {
    removeEventListener('storage', this.#onStorage);
    removeEventListener('pagehide', this.#save);
    this.#save();
  }

  readonly #save = (): void => {
    clearTimeout(this.#saving);
    this.#saving = undefined;
    const seqs = Object.fromEntries([...this.#seqs].slice(-maxThreads));
    try {
      localStorage.setItem(this.#key, JSON.stringify({ usedAt: Date.now(), seqs } satisfies Stored));
    } catch {
      // Full, or forbidden: known until the page is reloaded.
    }
  };

  readonly #onStorage = (event: StorageEvent): void => {
    if (event.key !== this.#key) return;
    const seqs = new Map(this.#seqs);
    for (const [id, seq] of Object.entries(read(this.#key)?.seqs ?? {})) seqs.set(id, Math.max(seq, seqs.get(id) ?? 0));
    this.#set(seqs);
  };

  #set(seqs: ReadonlyMap<string, number>): void {
    this.#seqs = seqs;
    for (const listener of this.#listeners) listener();
  }
}

function read(key: string): Stored | undefined {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(key) ?? 'null');
    return isStored(stored) ? stored : undefined;
  } catch {
    return undefined;
  }
}

function isStored(value: unknown): value is Stored {
  if (typeof value !== 'object' || value === null || !('seqs' in value) || !('usedAt' in value)) return false;
  const { seqs, usedAt } = value;
  if (typeof usedAt !== 'number' || typeof seqs !== 'object' || seqs === null) return false;
  return Object.values(seqs).every((seq) => typeof seq === 'number');
}

function forgetOldest(ownKey: string): void {
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(prefix) && key !== ownKey);
    const byUse = keys.map((key) => ({ key, usedAt: read(key)?.usedAt ?? 0 })).sort((a, b) => b.usedAt - a.usedAt);
    for (const { key } of byUse.slice(maxUsers)) localStorage.removeItem(key);
  } catch {
    // Storage is forbidden: nothing to forget.
  }
}
