import type { LimitKind } from "../../sandbox/index.ts";

/** Why work was stopped, if it did not end by itself. The first one counts. */
export type StopCause =
  | { readonly kind: "limit"; readonly limit: LimitKind | "compile" }
  | { readonly kind: "cancelled" }
  | { readonly kind: "events_limit" }
  | { readonly kind: "output_limit" }
  /** Text for its stdin was with a server that is gone. */
  | { readonly kind: "stdin_lost" }
  | { readonly kind: "store_failed"; readonly error: unknown };
