/** For how long a thread is asked nothing before it tidies up. */
const REST_MS = 1_000;

/** Tidies up when nothing was asked for a while, part by part: whatever is asked meanwhile is done in between. */
export class Rest {
  readonly #tidy: () => boolean;
  #timer: NodeJS.Timeout | undefined;

  constructor(tidy: () => boolean) {
    this.#tidy = tidy;
  }

  /** From now on, unless it is ended. */
  begin(): void {
    this.#after(REST_MS);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #after(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#isMoreLeft()) this.#after(0);
    }, ms);
  }

  #isMoreLeft(): boolean {
    try {
      return this.#tidy();
    } catch {
      // A disk that is full, or somebody who has the database locked: who writes next is told, and this can wait.
      return false;
    }
  }
}
