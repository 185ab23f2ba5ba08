import type { Agent } from "./agent.ts";
import { debugAgent } from "./debug/debug-agent.ts";
import { testExecAgent } from "./test-exec/test-exec-agent.ts";

/** Every agent that comes with the house, by name. */
export function createBuiltInAgents(): readonly Agent[] {
  return [debugAgent, testExecAgent];
}
