import { type Budget, GloveboxError } from "../../core/index.ts";
import type { PlanStep } from "./plan.ts";

/** Refuses limits in dollars, of the run and of its steps: to be asked where nobody knows what the model costs, so that they would never be passed. `invalid_argument` */
export function checkNoDollars(budget: Budget, steps: readonly PlanStep[]): void {
  const path = budget.dollars === undefined ? pathIn(steps) : "budget.dollars";
  if (path === undefined) return;
  const message = `${path}: what the model costs is not known; agents.model.prices says it`;
  throw new GloveboxError("invalid_argument", message, { details: { path } });
}

function pathIn(steps: readonly PlanStep[]): string | undefined {
  for (const { id, budget, steps: inner = [] } of steps) {
    const path = budget?.dollars === undefined ? pathIn(inner) : `steps.${id}.budget.dollars`;
    if (path !== undefined) return path;
  }
  return undefined;
}
