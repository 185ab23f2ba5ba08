import type { Flow } from "./define-flow.ts";

/** Every flow that comes with the house. */
export function builtInFlows(): readonly Flow[] {
  return [];
}
