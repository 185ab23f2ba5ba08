import type { Language } from "../../core/index.ts";
import { askPerson } from "../approvals/ask-person.ts";
import type { HookCode, Note } from "../hooks/hook.ts";
import type { TurnBlock } from "../services.ts";
import type { Finding, Validation } from "../validation/types.ts";
import { validateCode } from "../validation/validate-code.ts";
import { askHooks } from "./ask-hooks.ts";
import { refusal } from "./refused.ts";
import { ruleOptions } from "./rule-options.ts";
import type { TurnScope } from "./turn-scope.ts";

/** A piece of code before anything was decided. */
export interface Candidate {
  readonly language: Language;
  readonly code: string;
  /** Why a person must agree whatever rules and hooks say. */
  readonly doubt?: string;
  /** Why it runs when nobody objects. */
  readonly grounds: string;
}

export interface Verdict extends Pick<TurnBlock, "reason" | "rule" | "notes" | "approvalId"> {
  readonly decision: "executed" | "blocked" | "refused";
  /** What is to run: as the hooks left it. */
  readonly code: HookCode;
}

/** Says whether code runs: by the rules, the hooks, and a person where one of them wants one. What a hook puts in its place is held to the rules again. */
export async function judge(scope: TurnScope, { language, code, doubt, grounds }: Candidate): Promise<Verdict> {
  const given: HookCode = { language, code };
  const first = await validated(scope, given);
  if (first.decision === "block") return blockedByRule(given, first);
  const asked = await askHooks(scope, "pre_execution", given);
  if (asked.outcome === "block") {
    return {
      decision: "blocked",
      code: given,
      reason: `the hook ${asked.hook} blocks: ${asked.reason}`,
      notes: notesOf(first),
    };
  }
  const { value } = asked;
  const isChanged = value.code !== code || value.language !== language;
  const last = isChanged ? await validated(scope, value) : first;
  if (last.decision === "block") return blockedByRule(value, last);
  const notes = notesOf(last);
  const doubts = [...(doubt === undefined ? [] : [doubt]), ...rulesThatAsk(last), ...asked.prompts];
  if (doubts.length === 0) return { decision: "executed", code: value, reason: grounds, notes };
  const answer = await askPerson(scope, { prompt: doubts.join("\n"), ...value });
  const approvalId = answer.id;
  if (answer.status !== "approved") {
    return { decision: "refused", code: value, reason: refusal(answer), notes, approvalId };
  }
  const why = answer.reason === undefined ? "" : `: ${answer.reason}`;
  const reason = `approved by ${answer.decidedBy ?? "a person"}${why}`;
  return { decision: "executed", code: value, reason, notes, approvalId };
}

async function validated({ context, input, budget }: TurnScope, { language, code }: HookCode): Promise<Validation> {
  const options = ruleOptions(input.assistant);
  return context.step(
    "validate",
    { language, code, options },
    (given, step) => validateCode(given.code, given.language, given.options, step.signal),
    await budget.time(),
  );
}

function blockedByRule(code: HookCode, validation: Validation): Verdict {
  const finding = validation.findings.find(({ decision }) => decision === "block");
  const notes = notesOf(validation);
  if (finding === undefined) return { decision: "blocked", code, reason: "a rule blocks it", notes };
  return { decision: "blocked", code, reason: worded(finding), rule: finding.ruleId, notes };
}

function rulesThatAsk({ findings }: Validation): string[] {
  return findings.filter(({ decision }) => decision === "ask").map(worded);
}

/** What was found and stops nothing. */
function notesOf({ findings }: Validation): Note[] {
  return findings
    .filter(({ decision }) => decision === "warn")
    .map(({ ruleId, line, message }) => ({ code: ruleId, message: `line ${line}: ${message}` }));
}

function worded({ ruleId, line, message }: Finding): string {
  return `rule ${ruleId}, line ${line}: ${message}`;
}
