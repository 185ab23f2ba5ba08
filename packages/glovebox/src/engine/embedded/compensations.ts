import type { RetryPolicy, StepContext } from "../program.ts";

interface Compensation {
  readonly path: string;
  readonly result: unknown;
  readonly compensate: (result: unknown, context: StepContext) => unknown;
  readonly retry: RetryPolicy | undefined;
}

/** What undoes the steps that completed, in the order of their completion. */
export class Compensations {
  readonly #done: Compensation[] = [];

  add(compensation: Compensation): void {
    this.#done.push(compensation);
  }

  /** The last that was done is the first that is undone. */
  takeLast(): Compensation | undefined {
    return this.#done.pop();
  }
}
