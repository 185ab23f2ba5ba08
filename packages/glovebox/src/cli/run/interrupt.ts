/** What is to be tidied up although a second Ctrl-C leaves no time for more. */
const lastWords = new Set<() => void>();

/** Calls `tidy` if this process is ended by a second signal before the answer's dispose. */
export function whenKilled(tidy: () => void): Disposable {
  lastWords.add(tidy);
  return { [Symbol.dispose]: () => void lastWords.delete(tidy) };
}

/**
 * Ctrl-C (and SIGTERM, SIGHUP): the first aborts the signal, so that the program is cancelled and its end is reported; the second
 * ends this process at once, the way a signal does.
 */
export function onInterrupt(): { readonly signal: AbortSignal; readonly stop: () => void } {
  const controller = new AbortController();
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const listen = (name: NodeJS.Signals) => {
    if (!controller.signal.aborted) {
      controller.abort(new InterruptedError(name));
      return;
    }
    stop();
    for (const tidy of lastWords) tidy();
    process.kill(process.pid, name);
  };
  const stop = () => {
    for (const name of names) process.off(name, listen);
  };
  for (const name of names) process.on(name, listen);
  return { signal: controller.signal, stop };
}

/** Why the work was cancelled. */
export class InterruptedError extends Error {
  override readonly name = "AbortError";
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }
}
