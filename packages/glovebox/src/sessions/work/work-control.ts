import type { LimitKind } from "../../sandbox/index.ts";
import type { StopCause } from "./cause.ts";

/** How to stop what runs at the moment. */
export type Stopper = (cause: StopCause) => void;

/** Holds why work was stopped (the first cause counts) and stops whatever runs in it, now or as soon as it starts. */
export class WorkControl {
  #cause: StopCause | undefined;
  #stopper: Stopper | undefined;
  readonly #stopped = new AbortController();

  get cause(): StopCause | undefined {
    return this.#cause;
  }

  /** Aborts at the first stop. */
  get signal(): AbortSignal {
    return this.#stopped.signal;
  }

  stop(cause: StopCause): void {
    if (this.#cause !== undefined) return;
    this.#cause = cause;
    this.#stopped.abort();
    this.#stopper?.(cause);
  }

  /** The sandbox's agent acted on a limit by itself. */
  limitTripped(limit: LimitKind | "compile"): void {
    this.#cause ??= { kind: "limit", limit };
  }

  /** While something runs: how to stop it. Called at once when a stop was asked for before. */
  target(stopper: Stopper | undefined): void {
    this.#stopper = stopper;
    if (this.#cause !== undefined && this.#stopped.signal.aborted) stopper?.(this.#cause);
  }
}
