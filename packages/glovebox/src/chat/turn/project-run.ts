import { GloveboxError, isGloveboxError, type Run } from "../../core/index.ts";
import type { DurableEngine } from "../../engine/index.ts";
import type { ProjectRun, ProjectServices } from "../project.ts";
import type { TurnScope } from "./turn-scope.ts";

/** What begins the idempotency keys of runs that turns start; the turn's id follows. */
const KEY = "chat-tool/";
const FIRST_LOOK_MS = 1_000;
const MAX_LOOK_MS = 30_000;

/** The key of a run that a step of a turn starts. */
export function startedKey(turnId: string, stepKey: string): string {
  return `${KEY}${turnId}/${stepKey}`;
}

/** Tells the turn that started a run that it has ended; for the engine's `onEnd`. */
export async function tellTurnOf(engine: DurableEngine, { tenantId, id, idempotencyKey }: Run): Promise<void> {
  const turnId = idempotencyKey?.startsWith(KEY) === true ? idempotencyKey.slice(KEY.length).split("/")[0] : undefined;
  if (turnId === undefined || turnId === "") return;
  await engine.signal(tenantId, turnId, endSignal(id)).catch((error: unknown) => {
    // The turn is over, or its client chose a key like ours: nobody waits.
    if (!isGloveboxError(error)) throw error;
  });
}

/** `unavailable` where the server has nothing but sandboxes. */
export async function projectOf({ parts }: TurnScope, signal: AbortSignal): Promise<ProjectServices> {
  if (parts.project !== undefined) return parts.project(signal);
  throw new GloveboxError("unavailable", "this server has no agents, flows and context store for conversations");
}

/**
 * Looks at a run, and waits for its end for as long as that: durably, without holding a worker. Anybody may send the signal that it ended, or nobody after a crash: what counts is what is found.
 */
export async function awaitRun(
  scope: TurnScope,
  { runId, kind, waitMs }: { readonly runId: string; readonly kind: "flow" | "task"; readonly waitMs: number },
): Promise<ProjectRun> {
  const { context, budget } = scope;
  const untilMs = waitMs === 0 ? 0 : (await context.now()) + waitMs;
  for (let look = 0; ; look += 1) {
    const found = await context.step("look at run", { runId, kind }, async (given, step) => {
      const project = await projectOf(scope, step.signal);
      const run = given.kind === "flow" ? project.flowRun : project.taskRun;
      return run.call(project, context.tenantId, given.runId);
    });
    if (found.isOver || waitMs === 0) return found;
    const leftMs = untilMs - (await context.now());
    if (leftMs <= 0) return found;
    const { timeoutMs = leftMs } = await budget.time();
    await toldOrLate(scope, runId, Math.min(leftMs, timeoutMs, FIRST_LOOK_MS * 2 ** Math.min(look, 5), MAX_LOOK_MS));
  }
}

async function toldOrLate({ context }: TurnScope, runId: string, timeoutMs: number): Promise<void> {
  try {
    await context.waitFor(endSignal(runId), { timeoutMs });
  } catch (error) {
    if (!isGloveboxError(error, "timeout")) throw error;
  }
}

function endSignal(runId: string): string {
  return `ended ${runId}`;
}
