import type { Agent } from "./agent.ts";

/** Every agent that comes with the house, by name. */
export function createBuiltInAgents(): readonly Agent[] {
  return [];
}
