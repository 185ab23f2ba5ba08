import type { Flow } from "./define-flow.ts";
import { featureAdd } from "./house/feature-add.ts";
import { fixFailing } from "./house/fix-failing.ts";

/** Every flow that comes with the house. */
export function builtInFlows(): readonly Flow[] {
  return [featureAdd as Flow, fixFailing as Flow];
}
