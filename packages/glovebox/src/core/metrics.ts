import type { ErrorCode } from "./errors.ts";
import type { ExecutionKind, ExecutionStatus } from "./execution.ts";
import type { Isolation } from "./isolation.ts";
import type { PoolMiss } from "./pool.ts";

/** How every room reaches the figures of `telemetry`. Labels are words of closed lists: never ids, paths, tenants or what users wrote. */

type Outcome = "ok" | "error";

/** Kinds of providers of language models. */
export const MODEL_PROVIDER_KINDS = ["ollama", "openrouter", "anthropic", "openai", "scripted"] as const;
export type ModelProviderKind = (typeof MODEL_PROVIDER_KINDS)[number];

/** What is timed, with its labels. */
export interface Timed {
  /** From its arrival to the end of its answer. `status`: `2xx` and so on. */
  "http.request": { readonly operation: string; readonly status: string };
  /** Until it is ready. `source`: of its sandbox. */
  "session.create": {
    readonly isolation: Isolation;
    readonly source: "pool" | "new" | "none";
    readonly outcome: Outcome;
  };
  /** Until the sandbox that was taken is known to be alive. */
  "pool.take": { readonly isolation: Isolation };
  /** Making one that is ready. */
  "pool.refill": { readonly isolation: Isolation; readonly outcome: Outcome };
  /** Running, without waiting for its turn. */
  "execution.run": {
    readonly kind: ExecutionKind;
    readonly isolation: Isolation;
    readonly status: ExecutionStatus;
  };
  snapshot: {
    readonly action: "take" | "rollback" | "fork";
    readonly isolation: Isolation;
    readonly outcome: Outcome;
  };
  /** A delivery, until it is on disk and answered. */
  webhook: { readonly forge: string; readonly status: string };
  /** One attempt of a step of a run. */
  "run.step": { readonly outcome: Outcome | "retried" };
  "model.call": { readonly provider: ModelProviderKind | "other"; readonly outcome: Outcome };
}

/** What is counted. */
export interface Counted {
  /** Of answers. */
  error: { readonly code: ErrorCode };
  "pool.hit": { readonly isolation: Isolation };
  "pool.miss": { readonly isolation: Isolation; readonly reason: PoolMiss };
  /** Of those that were ready, or taken and did not answer. */
  "pool.dead": { readonly isolation: Isolation };
  /** Given back: memory was short, the pool shrank, or its template changed. */
  "pool.dropped": { readonly isolation: Isolation };
}

/** What is looked at when somebody asks. */
export interface Watched {
  "pool.ready": { readonly isolation: Isolation };
  "pool.making": { readonly isolation: Isolation };
  /** How many there should be now. */
  "pool.target": { readonly isolation: Isolation };
  "session.live": { readonly isolation: Isolation };
  /** Running, or waiting for their turn. */
  "execution.active": Record<never, never>;
  "run.queued": Record<never, never>;
  "run.working": Record<never, never>;
  /** 1 while pools give theirs back. */
  "memory.short": Record<never, never>;
}

export interface Sample<Labels> {
  readonly value: number;
  readonly labels: Labels;
}

/** Takes figures. Nothing of it throws, waits or keeps more than a bounded number of label sets. */
export interface Metrics {
  timed<Name extends keyof Timed>(name: Name, ms: number, labels: Timed[Name]): void;
  counted<Name extends keyof Counted>(name: Name, labels: Counted[Name]): void;
  /** Asked anew for each look, instead of who was named before it. */
  watch<Name extends keyof Watched>(name: Name, look: () => Iterable<Sample<Watched[Name]>>): void;
}

export const noMetrics: Metrics = { timed: () => {}, counted: () => {}, watch: () => {} };

/** Runs `work` and says how long it took and how it ended. */
export async function timing<T>(work: () => Promise<T>, done: (ms: number, outcome: Outcome) => void): Promise<T> {
  const begun = performance.now();
  let outcome: Outcome = "error";
  try {
    const result = await work();
    outcome = "ok";
    return result;
  } finally {
    done(performance.now() - begun, outcome);
  }
}
