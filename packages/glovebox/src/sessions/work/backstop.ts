/** How long after its limit the sandbox's agent may take to have stopped work by itself. */
export const BACKSTOP_SLACK_MS = 5_000;

/**
 * Calls `onSilent` when work is not over long after its limits should have ended it: the agent is stuck or lies. Counts again from `rearm`.
 */
export class Backstop implements Disposable {
  #timer: NodeJS.Timeout | undefined;
  readonly #onSilent: () => void;

  constructor(onSilent: () => void, wallMs: number | undefined) {
    this.#onSilent = onSilent;
    this.rearm(wallMs);
  }

  /** `undefined`: there is no limit. */
  rearm(wallMs: number | undefined): void {
    clearTimeout(this.#timer);
    if (wallMs === undefined) return;
    const delay = Math.min(Math.max(wallMs, 0) + BACKSTOP_SLACK_MS, 2 ** 31 - 1);
    this.#timer = setTimeout(this.#onSilent, delay);
    this.#timer.unref();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
