import type { Agent } from "./agent.ts";
import { codegenAgent } from "./codegen/codegen-agent.ts";
import { debugAgent } from "./debug/debug-agent.ts";
import { designReviewAgent } from "./design-review/design-review-agent.ts";
import { evaluator } from "./orchestration/evaluator.ts";
import { merger } from "./orchestration/merger.ts";
import { planner } from "./orchestration/planner.ts";
import { router } from "./orchestration/router.ts";
import { performanceAgent } from "./performance/performance-agent.ts";
import { staticAnalysisAgent } from "./static-analysis/static-analysis-agent.ts";
import { testExecAgent } from "./test-exec/test-exec-agent.ts";
import { testgenAgent } from "./testgen/testgen-agent.ts";

/** Every agent that comes with the house, by name. */
export function createBuiltInAgents(): readonly Agent[] {
  return [
    codegenAgent,
    testgenAgent,
    designReviewAgent,
    debugAgent,
    performanceAgent,
    testExecAgent,
    staticAnalysisAgent,
    planner,
    router,
    merger,
    evaluator,
  ];
}
