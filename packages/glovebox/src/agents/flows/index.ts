/** What flows in TypeScript are written with. Entered by them as `glovebox/flows`. */
export { defineFlow, type Flow } from "./define-flow.ts";
export type { FlowEnd } from "./flow-result.ts";
export type { AgentRequest, FlowScope } from "./flow-scope.ts";
export { type Aggregate, type BranchResult, best, concatenation, synthesis, vote } from "./patterns/aggregate.ts";
export { chain } from "./patterns/chain.ts";
export { optimize } from "./patterns/optimize.ts";
export { orchestrate } from "./patterns/orchestrate.ts";
export { parallel } from "./patterns/parallel.ts";
export { route } from "./patterns/route.ts";
export { inside, type Worker } from "./patterns/worker.ts";
