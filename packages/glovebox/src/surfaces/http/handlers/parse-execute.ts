import { type JudgedBlock, judgeBlocks } from "../../../chat/index.ts";
import { GloveboxError, isGloveboxError, type Language } from "../../../core/index.ts";
import type { extractOperations } from "../../operations/extract.ts";
import type { Call } from "../call.ts";
import type { HandlerContext } from "../options.ts";
import type { Outcome } from "./executions.ts";
import { runInSession } from "./run-in-session.ts";

type ParseExecute = Call<(typeof extractOperations)["chat.parseExecute"]>;
type Runnable = JudgedBlock & { readonly language: Language };

/** Runs the blocks in their order until one fails: what comes after it is likely to need it. A client that goes away cancels the work. */
export async function parseExecute(context: HandlerContext, call: ParseExecute) {
  const { text, autoExecute, threshold, from, request, sessionId } = call.body;
  const options = {
    autoExecute,
    threshold,
    ...(from !== undefined && { from }),
    ...(request !== undefined && { request }),
  };
  const judged = await judgeBlocks(text, options, call.signal);
  const runnable = judged.blocks.filter(isRunnable);
  if (runnable.length === 0) return { ...judged, blocks: judged.blocks.map(asShown), executions: [] };
  if (sessionId !== undefined) return { ...judged, ...(await runBlocks(context, call, judged.blocks, sessionId)) };
  const { sessions } = context.services;
  const { tenantId, root } = call.principal;
  const wanted =
    call.body.template === undefined
      ? { languages: [...new Set(runnable.map(({ language }) => language))] }
      : { template: call.body.template };
  const { session } = await sessions.create(tenantId, wanted, { trusted: root, signal: call.signal });
  try {
    return { ...judged, ...(await runBlocks(context, call, judged.blocks, session.id)) };
  } finally {
    await sessions.close(tenantId, session.id, "parse-execute").catch((error: unknown) => {
      context.logger.error({ sessionId: session.id, error: String(error) }, "could not close a one-shot session");
    });
  }
}

function isRunnable(block: JudgedBlock): block is Runnable {
  return block.decision === "execute" && block.language !== null;
}

function asShown(block: JudgedBlock) {
  const decision = block.decision === "blocked" ? ("blocked" as const) : ("shown" as const);
  return { ...block, decision };
}

async function runBlocks(context: HandlerContext, call: ParseExecute, blocks: readonly JudgedBlock[], id: string) {
  const executions: Outcome[] = [];
  const done: (Omit<JudgedBlock, "decision"> & {
    readonly decision: "executed" | "shown" | "blocked" | "refused";
    readonly executionId?: string;
  })[] = [];
  let failed = false;
  for (const block of blocks) {
    if (!isRunnable(block)) done.push(asShown(block));
    else if (failed) done.push({ ...block, decision: "shown", reason: "not run: a block before it failed" });
    else {
      const outcome = await runBlock(context, call, block, id);
      failed = outcome instanceof GloveboxError || outcome.execution.status !== "ok";
      if (outcome instanceof GloveboxError) done.push({ ...block, decision: "refused", reason: outcome.message });
      else {
        executions.push(outcome);
        done.push({ ...block, decision: "executed", executionId: outcome.execution.id });
      }
    }
  }
  return { blocks: done, executions };
}

/** What came of it, or why the session does not take it. */
async function runBlock(
  context: HandlerContext,
  { principal: { tenantId }, signal }: ParseExecute,
  { language, code }: Runnable,
  sessionId: string,
): Promise<Outcome | GloveboxError> {
  try {
    const input = { kind: "repl", language, input: code, onBusy: "queue" } as const;
    return await runInSession(context, { tenantId, sessionId, signal }, input);
  } catch (error) {
    if (isGloveboxError(error, "language_unavailable")) return error;
    throw error;
  }
}
