import { z } from "zod";
import { Isolation } from "./isolation.ts";

export const PoolSpec = z.strictObject({
  /** Sandboxes that are ready at any time. */
  min: z.number().int().min(0).max(1000).default(0),
  /** The most that may be ready, where many are asked for. 0: there is no pool. */
  max: z.number().int().min(0).max(1000).default(0),
  /** Sandboxes that are made at the same time. */
  refillConcurrency: z.number().int().min(1).max(64).default(1),
});
export type PoolSpec = z.infer<typeof PoolSpec>;

/** What of a pool's size is changed while the server runs; `reset`: the template's and the configuration's words count again. */
export const PoolChange = z.union([
  z.strictObject({ reset: z.literal(true) }),
  z
    .strictObject({
      min: z.number().int().min(0).max(1000).optional(),
      max: z.number().int().min(0).max(1000).optional(),
      refillConcurrency: z.number().int().min(1).max(64).optional(),
    })
    .refine((change) => Object.values(change).some((value) => value !== undefined), "nothing to change"),
]);
export type PoolChange = z.infer<typeof PoolChange>;

/** Milliseconds over the last 256 times. */
const Times = z.strictObject({ count: z.number().int(), p50: z.number(), p95: z.number(), max: z.number() });

/**
 * Why a session did not get a ready sandbox. `empty`: none was ready; `dead`: those that were had died; the others name what the session wants that the
 * ready ones do not have.
 */
export const PoolMiss = z.enum(["empty", "dead", "workspace", "limits", "env", "network", "version", "template"]);
export type PoolMiss = z.infer<typeof PoolMiss>;

/** A template's pool of ready sandboxes, and what it did since the server started. */
export const Pool = z.strictObject({
  templateId: z.string(),
  template: z.string(),
  templateVersion: z.number().int(),
  isolation: Isolation,
  /** `off`; `filling` until it has what it should; `ready`; `held` back (see `reason`); `failing`: the last one could not be made (see `error`). */
  state: z.enum(["off", "filling", "ready", "held", "failing"]),
  /** Why nothing is made at the moment: `memory`, `busy`, `quota`. */
  reason: z.string().optional(),
  error: z.strictObject({ code: z.string(), message: z.string(), retryAt: z.string() }).optional(),
  size: PoolSpec,
  /** Who said so: `set` at run time, the `template`, or the `configuration`. */
  source: z.enum(["set", "template", "configuration"]),
  /** How many should be ready now, between `min` and `max`. */
  target: z.number().int(),
  ready: z.number().int(),
  /** Being made. */
  making: z.number().int(),
  hits: z.number().int(),
  misses: z.strictObject({ total: z.number().int(), byReason: z.partialRecord(PoolMiss, z.number().int()) }),
  made: z.number().int(),
  /** Could not be made. */
  failed: z.number().int(),
  /** Found dead, waiting or when they were to be taken. */
  dead: z.number().int(),
  /** Destroyed unused, because there were too many, memory was short, or the template changed. */
  dropped: z.number().int(),
  /** From asking to a sandbox that was seen to answer. */
  takeMs: Times,
  /** From starting one to having it ready. */
  refillMs: Times,
});
export type Pool = z.infer<typeof Pool>;
