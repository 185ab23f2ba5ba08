import type { OpKind, Payloads } from "../journal/record.ts";
import type { JsonValue } from "../json-value.ts";
import type { Program, StepContext, StepOptions } from "../program.ts";
import type { Scope } from "./scope.ts";

/** What a program asked for, with what only the living program knows of it. */
export type OpSpec =
  | {
      readonly kind: "step" | "compensation";
      readonly work: (input: unknown, context: StepContext) => unknown;
      readonly options: StepOptions<unknown>;
    }
  | { readonly kind: "sleep"; readonly ms: number }
  | {
      readonly kind: "wait";
      readonly signal: string;
      readonly timeoutMs: number | undefined;
      readonly approval: boolean;
    }
  | { readonly kind: "child"; readonly program: Program }
  | { readonly kind: "now" | "random" | "uuid" | "budget" | "note" | "wait_any" };

/** One operation of a program, from being asked for until it is answered. */
export class Operation {
  readonly path: string;
  readonly spec: OpSpec;
  readonly scope: Scope;
  readonly input: JsonValue | undefined;
  readonly inputHash: string;
  readonly promise: Promise<unknown>;
  readonly #abort = new AbortController();
  readonly #settle: { resolve(value: unknown): void; reject(error: unknown): void };
  /** What the journal says of its beginning. */
  journaled: Payloads["step.started"] | undefined;
  /** The last attempt that began, and how many failed. */
  attempt = 0;
  failures = 0;
  /** When the next attempt is due, milliseconds since the epoch. */
  retryAtMs: number | undefined;

  constructor(options: {
    readonly path: string;
    readonly spec: OpSpec;
    readonly scope: Scope;
    readonly input: JsonValue | undefined;
    readonly inputHash: string;
  }) {
    this.path = options.path;
    this.spec = options.spec;
    this.scope = options.scope;
    this.input = options.input;
    this.inputHash = options.inputHash;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    // Whether anybody awaits it is the program's affair.
    promise.catch(() => {});
    this.promise = promise;
    this.#settle = { resolve, reject };
  }

  get kind(): OpKind {
    return this.spec.kind;
  }

  /** Aborts when nobody wants the answer any more. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  resolve(value: unknown): void {
    this.#settle.resolve(value);
  }

  reject(error: unknown): void {
    this.#settle.reject(error);
    this.#abort.abort(error);
  }

  /** Ends its work and leaves the program waiting for ever: its run goes on elsewhere, or not at all. */
  leave(reason: unknown): void {
    this.#abort.abort(reason);
  }
}
