import type { Isolation } from "./isolation.ts";
import type { PoolSpec } from "./template.ts";

/** Milliseconds over the last 256 times; `count` is of all. */
export interface PoolTimes {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/**
 * Why a session did not get a ready sandbox. `empty`: none was ready; `dead`: those that were had died; the others name what the session wants that
 * the ready ones do not have.
 */
export type PoolMiss = "empty" | "dead" | "workspace" | "limits" | "env" | "network" | "version" | "template";

/** A template's pool of ready sandboxes, and what it did since the server started. */
export interface Pool {
  readonly templateId: string;
  readonly template: string;
  readonly templateVersion: number;
  readonly isolation: Isolation;
  /** `held` back: see `reason`; `failing`: see `error`. */
  readonly state: "off" | "filling" | "ready" | "held" | "failing";
  /** Why nothing is made at the moment: `memory`, `busy`, `quota`. */
  readonly reason?: string;
  readonly error?: { readonly code: string; readonly message: string; readonly retryAt: string };
  readonly size: PoolSpec;
  /** Who said so: `set` at run time, the `template`, or the `configuration`. */
  readonly source: "set" | "template" | "configuration";
  /** How many should be ready now, between `min` and `max`. */
  readonly target: number;
  readonly ready: number;
  readonly making: number;
  readonly hits: number;
  readonly misses: { readonly total: number; readonly byReason: Readonly<Partial<Record<PoolMiss, number>>> };
  readonly made: number;
  readonly failed: number;
  /** Found dead, waiting or when they were to be taken. */
  readonly dead: number;
  /** Destroyed unused. */
  readonly dropped: number;
  /** From asking to a sandbox that was seen to answer. */
  readonly takeMs: PoolTimes;
  /** From starting one to having it ready. */
  readonly refillMs: PoolTimes;
}

/** A new size, or `reset`: what the template and the configuration say counts again. */
export type PoolChange =
  | { readonly reset: true }
  | {
      readonly min?: number | undefined;
      readonly max?: number | undefined;
      readonly refillConcurrency?: number | undefined;
    };
