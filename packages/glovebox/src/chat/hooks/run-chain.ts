import { z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import { ANSWER_SCHEMAS } from "./answer-schemas.ts";
import type { ChainResult, Hook, HookAnswer, HookContext, HookDecision, HookPoint, HookSubjects } from "./hook.ts";

const DEFAULT_TIMEOUT_MS = 5_000;
const MAX_REASON_CHARS = 2_000;

/**
 * Asks hooks in order. What one puts in its place is what the next one sees. The first `block` or `ask` ends the chain; a hook that throws, answers nonsense or takes
 * too long blocks: whoever checks must not be got rid of by making it fail.
 */
export async function runChain<P extends HookPoint>(
  point: P,
  hooks: readonly Hook[],
  subject: HookSubjects[P],
  context: HookContext,
): Promise<ChainResult<P>> {
  const decisions: HookDecision[] = [];
  let value = subject;
  for (const hook of hooks) {
    if (hook.point !== point) continue;
    const answer = await ask(hook as Hook<P>, value, context);
    decisions.push(toDecision(hook, answer));
    if (answer.decision === "block") return { outcome: "block", hook: hook.name, reason: answer.reason, decisions };
    if (answer.decision === "ask") return { outcome: "ask", hook: hook.name, prompt: answer.prompt, value, decisions };
    if (answer.decision === "modify") value = answer.value;
  }
  return { outcome: "allow", value, decisions };
}

async function ask<P extends HookPoint>(
  hook: Hook<P>,
  subject: HookSubjects[P],
  context: HookContext,
): Promise<HookAnswer<P>> {
  const late = AbortSignal.timeout(hook.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const signal = AbortSignal.any([late, context.signal]);
  try {
    // A copy: a hook that changes what it was shown changes nothing.
    const answer = await untilAborted(async () => hook.run(structuredClone(subject), { ...context, signal }), signal);
    const parsed = ANSWER_SCHEMAS[hook.point].safeParse(answer);
    if (parsed.success) return parsed.data as unknown as HookAnswer<P>;
    return failed(hook, `its answer makes no sense: ${z.prettifyError(parsed.error)}`);
  } catch (error) {
    if (context.signal.aborted) throw context.signal.reason;
    if (late.aborted) return failed(hook, `it took longer than ${hook.timeoutMs ?? DEFAULT_TIMEOUT_MS} ms`);
    return failed(hook, error instanceof Error ? error.message : String(error));
  }
}

async function untilAborted<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason ?? new GloveboxError("cancelled", "the turn is to end"));
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work(), promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function failed(hook: Hook, why: string): { readonly decision: "block"; readonly reason: string } {
  return { decision: "block", reason: `the hook ${hook.name} failed: ${why}`.slice(0, MAX_REASON_CHARS) };
}

function toDecision<P extends HookPoint>(hook: Hook, answer: HookAnswer<P>): HookDecision {
  const { decision, notes = [] } = answer;
  const reason = decision === "ask" ? answer.prompt : decision === "allow" ? undefined : answer.reason;
  return { hook: hook.name, point: hook.point, decision, ...(reason === undefined ? {} : { reason }), notes };
}
