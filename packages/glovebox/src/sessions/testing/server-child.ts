/** A server process for tests that kill it: does what its plan says, prints what it was given back, and waits. */
import type { ExecutionInput, SessionInput } from "../../core/index.ts";
import { openStage, TENANT } from "./stage.ts";

export interface ChildPlan {
  readonly dir: string;
  readonly session: SessionInput;
  /** Run to their end, one after the other. */
  readonly before: readonly ExecutionInput[];
  /** Only started. */
  readonly started: readonly ExecutionInput[];
}

export interface ChildAnswer {
  readonly sessionId: string;
  readonly executionIds: readonly string[];
}

if (import.meta.main) {
  const plan = JSON.parse(process.argv[2] ?? "") as ChildPlan;
  const stage = await openStage({ dir: plan.dir });
  await stage.services.recover();
  const sessionId = await stage.session(plan.session);
  for (const input of plan.before) await stage.run(sessionId, input);
  const executionIds: string[] = [];
  for (const input of plan.started) {
    const { execution } = await stage.services.executions.start(TENANT, sessionId, input);
    executionIds.push(execution.id);
  }
  const answer: ChildAnswer = { sessionId, executionIds };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
  setInterval(() => {}, 1_000);
}
