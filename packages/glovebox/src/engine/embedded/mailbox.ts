/** Signals that came and that nobody took yet, in order. */
export class Mailbox {
  readonly #letters = new Map<string, { readonly payload: unknown }[]>();

  size = 0;

  put(signal: string, payload: unknown): void {
    this.size += 1;
    const letters = this.#letters.get(signal);
    if (letters === undefined) this.#letters.set(signal, [{ payload }]);
    else letters.push({ payload });
  }

  take(signal: string): { readonly payload: unknown } | undefined {
    const letters = this.#letters.get(signal);
    const letter = letters?.shift();
    if (letter !== undefined) this.size -= 1;
    if (letters?.length === 0) this.#letters.delete(signal);
    return letter;
  }
}
