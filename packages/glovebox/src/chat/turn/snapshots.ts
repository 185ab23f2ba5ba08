import type { Execution } from "../../core/index.ts";
import type { StepContext } from "../../engine/index.ts";
import type { TurnScope } from "./turn-scope.ts";

/** The name that snapshots of a conversation's session get, by which they are told from others. */
const NAME = "chat: known good";
/** As many are kept of each conversation. */
const KEPT = 5;
const PAGE = 1_000;

/** Before code runs: what the session goes back to when it fails, if the assistant wants either kept. */
export async function keepKnownGood(scope: TurnScope, index: number): Promise<string | undefined> {
  const { auto, rollbackOnFailure } = scope.input.assistant.execution.snapshots;
  if (auto === "never" && !rollbackOnFailure) return undefined;
  if (auto === "after_success" && !rollbackOnFailure) return undefined;
  // After each success the present is kept: only before the first one there may be nothing to go back to.
  const mayReuse = auto === "after_success";
  return scope.context.step(
    `snapshot before ${index}`,
    { mayReuse },
    async (given, step) => {
      const sessionId = await scope.session(step);
      const { head } = await scope.parts.services.snapshots.list(scope.context.tenantId, sessionId, { limit: 1 });
      return given.mayReuse && head !== undefined ? head : take(scope, sessionId, step);
    },
    await scope.budget.time(),
  );
}

/** After it ran: keeps what is good now, or goes back to what was. Tells whether it went back. */
export async function returnToKnownGood(
  scope: TurnScope,
  index: number,
  status: Execution["status"],
  known: string | undefined,
): Promise<boolean> {
  const { auto, rollbackOnFailure } = scope.input.assistant.execution.snapshots;
  const { context, parts } = scope;
  if (status === "ok") {
    if (auto !== "after_success") return false;
    const work = async (_given: unknown, step: StepContext) => take(scope, await scope.session(step), step);
    await context.step(`snapshot after ${index}`, {}, work, await scope.budget.time());
    return false;
  }
  if (!rollbackOnFailure || known === undefined) return false;
  return context.step(
    `rollback ${index}`,
    { snapshot: known },
    async ({ snapshot }, step) => {
      const sessionId = await scope.session(step);
      await parts.services.snapshots.rollback(context.tenantId, sessionId, snapshot, { force: true });
      step.record("tool.called", { tool: "rollback", sessionId, snapshotId: snapshot });
      return true;
    },
    await scope.budget.time(),
  );
}

async function take(scope: TurnScope, sessionId: string, step: StepContext): Promise<string> {
  const { tenantId } = scope.context;
  const { snapshots } = scope.parts.services;
  const { id } = await snapshots.create(tenantId, sessionId, { name: NAME });
  step.record("snapshot.taken", { sandbox: "conversation", sessionId, snapshotId: id });
  const { items } = await snapshots.list(tenantId, sessionId, { limit: PAGE });
  const old = items.filter(({ name }) => name === NAME).slice(KEPT);
  for (const snapshot of old) await snapshots.delete(tenantId, sessionId, snapshot.id);
  return id;
}
