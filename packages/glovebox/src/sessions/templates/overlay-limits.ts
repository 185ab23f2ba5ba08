import type { Limits } from "../../core/index.ts";

/** Limits of which some are named, as they come from a schema. */
export type SomeLimits = { readonly [K in keyof Limits]?: Limits[K] | undefined };

/** `base` with what is named in `some`. */
export function overlayLimits(base: Limits, some: SomeLimits | undefined): Limits {
  const named = Object.entries(some ?? {}).filter(([, value]) => value !== undefined);
  return { ...base, ...Object.fromEntries(named) };
}
