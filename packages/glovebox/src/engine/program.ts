import type { ZodType } from "zod";
import { type Budget, GloveboxError, type Usage } from "../core/index.ts";
import type { FactType } from "./journal/record.ts";

export interface RetryPolicy {
  /** 1 to 100; default 3. */
  readonly maxAttempts?: number;
  /** Before the second attempt, milliseconds; doubles each time. Default 1,000. */
  readonly firstDelayMs?: number;
  /** Default 60,000. */
  readonly maxDelayMs?: number;
  /** Says of an error that it is worth another attempt; default: its code is one that passes by itself ({@link isRetryable}). */
  readonly when?: (error: GloveboxError) => boolean;
}

/** The reason of a step's signal when its engine closes: the step is done again by the next engine, so work that outlives the process may be left alone. */
export class Parked extends Error {
  override readonly name = "Parked";
}

/** What a step's work gets. */
export interface StepContext {
  /** The run's id; in a live replay one of that replay's own, so that what is kept under it never meets the run's. */
  readonly runId: string;
  /** Aborts when the step, its scope or its run is to end, or with {@link Parked}. Work that ignores it is left behind and its result dropped. */
  readonly signal: AbortSignal;
  /** For the effect's target: the same in every attempt, also after a crash. */
  readonly idempotencyKey: string;
  /** From 1; counts on over crashes. */
  readonly attempt: number;
  /** How many attempts failed before. An attempt that a crash cut short did not fail. */
  readonly failures: number;
  /** Tells what was used just now. Throws `budget_exceeded` when that was too much. */
  spend(used: Partial<Usage>): void;
  /** Keeps a fact in the journal. */
  record(type: FactType, payload: Readonly<Record<string, unknown>>): void;
}

export interface StepOptions<Result> {
  readonly retry?: RetryPolicy;
  /** From the step's first start, over all its attempts and over crashes. `deadline_exceeded` afterwards. */
  readonly timeoutMs?: number;
  /** Default: the run's id and the step's path, and another one once the run was rolled back to before the step. */
  readonly idempotencyKey?: string;
  /** Of this step alone; `budget_exceeded` fails the step. For time there is `timeoutMs`. */
  readonly budget?: Omit<Budget, "wallMs">;
  /** Undoes the step when its run is cancelled after it completed. Runs as a step of its own, with its own key. */
  readonly compensate?: (result: Result, context: StepContext) => unknown;
  /** The step is done again in a live replay, and its result compared with the journal's. */
  readonly live?: LiveOptions<Result>;
}

export interface LiveOptions<Result> {
  /** What of a result is compared, as JSON; default: the whole. */
  readonly compare?: (result: Result) => unknown;
}

export interface WaitOptions {
  /** `timeout` when no signal came until then. */
  readonly timeoutMs?: number;
  /** It is a person's decision that is waited for: the run shows as waiting for `approval` instead of `signal`. Default false. */
  readonly approval?: boolean;
}

export type Branches = Readonly<Record<string, (context: ProgramContext) => Promise<unknown>>>;
export type BranchResults<B extends Branches> = { readonly [K in keyof B]: Awaited<ReturnType<B[K]>> };
export type FirstOf<B extends Branches> = {
  readonly [K in keyof B & string]: { readonly key: K; readonly value: Awaited<ReturnType<B[K]>> };
}[keyof B & string];

export interface BudgetState {
  readonly limits: Budget;
  readonly used: Usage;
}

/**
 * All that a program may do besides computing. Whatever these give is journaled: after a crash the program runs again and gets the same
 * answers in the same order until it reaches new ground. Names: 1 to 100 characters, none of them `/` or `#`.
 */
export interface ProgramContext {
  readonly runId: string;
  readonly tenantId: string;
  /** Aborts when the run, or the branch that this context belongs to, is to end. */
  readonly signal: AbortSignal;
  /** Does work with effects, once: its result is kept as JSON, redacted. `input` says what the step depends on, and is given to `work`. */
  step<Input, Result>(
    name: string,
    input: Input,
    work: (input: Input, context: StepContext) => Result | Promise<Result>,
    options?: StepOptions<Awaited<Result>>,
  ): Promise<Awaited<Result>>;
  /** Runs branches side by side, each in a context of its own. The first that fails ends the others and is thrown. `concurrency`: default all. */
  parallel<B extends Branches>(
    branches: B,
    options?: { readonly name?: string; readonly concurrency?: number },
  ): Promise<BranchResults<B>>;
  /** Runs branches side by side until the first one ends, and ends the others. */
  waitAny<B extends Branches>(branches: B, options?: { readonly name?: string }): Promise<FirstOf<B>>;
  sleep(ms: number): Promise<void>;
  /** The payload of the oldest signal of that name that nobody took yet; it may have come before. Two waits for one name are served in the order of asking. */
  waitFor(signal: string, options?: WaitOptions): Promise<unknown>;
  /** Runs another program to its end, as a run of its own. */
  child<Input, Output>(
    program: Program<Input, Output>,
    input: Input,
    options?: { readonly name?: string },
  ): Promise<Output>;
  /** Milliseconds since the epoch. */
  now(): Promise<number>;
  /** From 0 to below 1. */
  random(): Promise<number>;
  uuid(): Promise<string>;
  budget(): Promise<BudgetState>;
  /** Keeps a note in the journal. */
  note(note: unknown): Promise<void>;
}

/** How the journals of an older version are read where this one does otherwise. What is not said here must be as it was. */
export interface Continuation {
  readonly version: string;
  /** What had another path then: from that one, with all that is below it and with `#2` and so on, to the one it has now. */
  readonly rename?: Readonly<Record<string, string>>;
  /** Paths, as they are now, of which the journal's input is taken for the same although it is another. */
  readonly sameInput?: readonly string[];
  /** What did not exist then, by the path it has now: runs that began with that version do without, and their program gets this JSON value for it. */
  readonly without?: Readonly<Record<string, unknown>>;
}

export interface Program<Input = unknown, Output = unknown> {
  readonly name: string;
  readonly version: string;
  /** For people, one line. */
  readonly description?: string;
  readonly input: ZodType<Input>;
  readonly output: ZodType<Output>;
  /** Older versions whose journals this one can go on from. */
  readonly continues: readonly Continuation[];
  run(context: ProgramContext, input: Input): Promise<Output>;
}

const NAME = /^[^/#]{1,100}$/;

/** Declares a program. `invalid_argument` on a name or a version that cannot be one. `continues`: versions, or what changed since. */
export function defineProgram<Input, Output>(
  program: Omit<Program<Input, Output>, "continues"> & { readonly continues?: readonly (string | Continuation)[] },
): Program<Input, Output> {
  checkName(program.name, "a program");
  checkName(program.version, "a version");
  const continues = (program.continues ?? []).map((one) => (typeof one === "string" ? { version: one } : one));
  for (const { version } of continues) checkName(version, "a version");
  return { ...program, continues };
}

/** `invalid_argument` unless `name` can be a part of a path. */
export function checkName(name: string, what: string): void {
  if (NAME.test(name)) return;
  throw new GloveboxError("invalid_argument", `${what} is named by 1 to 100 characters other than / and #`, {
    details: { path: "name" },
  });
}
