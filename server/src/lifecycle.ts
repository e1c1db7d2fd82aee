/** Whether the server takes on work, and how much of it is under way. */
export class Lifecycle {
  #isDraining = false;
  #working = 0;
  #idle: (() => void)[] = [];

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** From now on nothing new is begun. */
  startDraining(): void {
    this.#isDraining = true;
  }

  /** A request begins; the function returned says, once, that it was answered. */
  beginWork(): () => void {
    this.#working++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#working--;
      if (this.#working === 0) for (const resolve of this.#idle.splice(0)) resolve();
    };
  }

  /** Resolves when nothing is under way. */
  async whenIdle(): Promise<void> {
    if (this.#working === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }
}
