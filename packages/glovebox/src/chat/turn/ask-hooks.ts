import { GloveboxError } from "../../core/index.ts";
import type { StepContext } from "../../engine/index.ts";
import type { ChainResult, Hook, HookDecision, HookPoint, HookSubjects } from "../hooks/hook.ts";
import { runChain } from "../hooks/run-chain.ts";
import { hookContext, type TurnScope } from "./turn-scope.ts";

/** What a chain came to when everybody who had to be asked is. `prompts`: what a person must still agree to. */
export type HooksResult<P extends HookPoint> =
  | { readonly outcome: "allow"; readonly value: HookSubjects[P]; readonly prompts: readonly string[] }
  | { readonly outcome: "block"; readonly hook: string; readonly reason: string };

type Asked<P extends HookPoint> = HooksResult<P> & { readonly decisions: readonly HookDecision[] };

/** Asks the hooks of a point, as one step. A hook that wants a person asked does not spare the others behind it: one of those may still block. */
export async function askHooks<P extends HookPoint>(
  scope: TurnScope,
  point: P,
  subject: HookSubjects[P],
): Promise<HooksResult<P>> {
  if (scope.input.assistant.hooks.length === 0) return { outcome: "allow", value: subject, prompts: [] };
  const asked = await scope.context.step(
    `hooks ${point}`,
    { subject },
    (given, step) => askAll(scope, point, given.subject, step),
    { retry: { maxAttempts: 1 }, ...(await scope.budget.time()) },
  );
  return settle(scope, asked, subject);
}

/** The same within the work of another step. */
export async function askAll<P extends HookPoint>(
  scope: TurnScope,
  point: P,
  subject: HookSubjects[P],
  step: StepContext,
): Promise<Asked<P>> {
  const mine = (await scope.hooks()).filter((hook) => hook.point === point);
  const decisions: HookDecision[] = [];
  const prompts: string[] = [];
  let value = subject;
  let left: readonly Hook[] = mine;
  for (;;) {
    const result: ChainResult<P> = await runChain(point, left, value, hookContext(scope, step.signal));
    decisions.push(...result.decisions);
    for (const decision of result.decisions) scope.emit({ type: "decision", decision });
    if (result.outcome === "block") {
      const { hook, reason } = result;
      step.record("policy.denied", { hook, point, reason });
      return { outcome: "block", hook, reason, decisions };
    }
    ({ value } = result);
    if (result.outcome === "allow") return { outcome: "allow", value, prompts, decisions };
    prompts.push(result.prompt);
    left = left.slice(result.decisions.length);
  }
}

export function settle<P extends HookPoint>(
  { record }: TurnScope,
  { decisions, ...result }: Asked<P>,
  _subject: HookSubjects[P],
): HooksResult<P> {
  record.decisions.push(...decisions);
  return result as HooksResult<P>;
}

export function deniedByHook({ hook, reason }: { readonly hook: string; readonly reason: string }): GloveboxError {
  return new GloveboxError("policy_denied", `the hook ${hook} blocks: ${reason}`, { details: { hook, reason } });
}
