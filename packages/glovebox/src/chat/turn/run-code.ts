import { isGloveboxError } from "../../core/index.ts";
import type { StepContext } from "../../engine/index.ts";
import type { SandboxResult } from "../../runs/index.ts";
import { askPerson } from "../approvals/ask-person.ts";
import type { HookCode, HookDecision, HookOutcome } from "../hooks/hook.ts";
import type { TurnBlock, TurnExecution } from "../services.ts";
import { askAll } from "./ask-hooks.ts";
import { openedSession } from "./opened-session.ts";
import { endsTurn, refusal } from "./refused.ts";
import { keepKnownGood, returnToKnownGood } from "./snapshots.ts";
import { type CodeAt, sandboxOf, type TurnScope } from "./turn-scope.ts";
import { watchedContext } from "./watched-context.ts";
import { watchedExecutions } from "./watched-executions.ts";

const STREAMS = ["stdout", "stderr"] as const;

/** How an execution came out once the hooks had seen it. The journal has nothing else: what they took out is nowhere. */
type Seen = SandboxResult & {
  readonly decisions: readonly HookDecision[];
  readonly prompts: readonly string[];
};

/**
 * Runs code that was judged, and puts down in the turn's record how its block ended. What could not be run at all (no such language there, no session) is the
 * block's affair, and given as a problem; what ends the turn is thrown.
 */
export async function runBlock(
  scope: TurnScope,
  block: TurnBlock,
  code: HookCode,
): Promise<{ readonly ran: TurnExecution } | { readonly problem: string }> {
  try {
    const notes = [...block.notes, ...(await openedSession(scope))];
    const ran = await runCode(scope, { index: block.index, ...code });
    scope.record.setBlock({ ...block, notes, executionId: ran.id });
    return { ran };
  } catch (error) {
    if (!isGloveboxError(error)) throw error;
    const problem = `it could not be run: ${error.message}`;
    scope.record.setBlock({ ...block, decision: "blocked", reason: problem });
    if (endsTurn(scope, error)) throw error;
    return { problem };
  }
}

/** Runs code in the conversation's session, keeps or puts back its state as the assistant says, and tells how it came out. */
async function runCode(scope: TurnScope, at: CodeAt): Promise<TurnExecution> {
  const { record } = scope;
  const known = await keepKnownGood(scope, at.index);
  const seen = await execute(scope, at);
  record.decisions.push(...seen.decisions);
  const shown = await agreed(scope, at, seen);
  const rolledBack = await returnToKnownGood(scope, at.index, shown.status, known);
  const { executionId: id, status, exitCode, stdout, stderr, truncated, value } = shown;
  const execution: TurnExecution = {
    id,
    block: at.index,
    language: at.language,
    status,
    ...(exitCode !== undefined && { exitCode }),
    stdout,
    stderr,
    truncated,
    ...(value !== undefined && { value: typeof value === "string" ? value : JSON.stringify(value) }),
    rolledBack,
  };
  record.executions.push(execution);
  scope.emit({ type: "execution", execution });
  return execution;
}

async function execute(scope: TurnScope, { index, language, code }: CodeAt): Promise<Seen> {
  const { context, parts, input, budget } = scope;
  const over = new AbortController();
  const hasHooks = input.assistant.hooks.length > 0;
  const masks = { stdout: parts.outputRedactor.stream(), stderr: parts.outputRedactor.stream() };
  const executions = watchedExecutions(
    parts.services.executions,
    {
      started: ({ id }) => scope.emit({ type: "execution_started", executionId: id, block: index }),
      // Where hooks may take something out of it, it is told when they have.
      output: ({ id }, stream, text) => {
        if (!hasHooks) tellOutput(scope, id, stream, masks[stream].push(text));
      },
      ended: ({ id }) => {
        for (const stream of STREAMS) tellOutput(scope, id, stream, hasHooks ? "" : masks[stream].flush());
      },
    },
    over.signal,
  );
  // What the hooks leave of the result is the step's result: the journal gets it from nowhere else.
  const seeing = watchedContext(context, async (work, step) => {
    const result = (await work()) as SandboxResult;
    return (await seenByHooks(scope, { language, code }, result, step)) as never;
  });
  const limits = { wallMs: input.assistant.execution.timeoutMs };
  try {
    const request = { kind: "repl", language, input: code, limits } as const;
    return (await sandboxOf(scope, executions).execute(seeing, `run ${index}`, request, await budget.time())) as Seen;
  } finally {
    over.abort();
  }
}

async function seenByHooks(
  scope: TurnScope,
  code: { readonly language: CodeAt["language"]; readonly code: string },
  result: SandboxResult,
  step: StepContext,
): Promise<Seen> {
  const shown = scope.parts.outputRedactor.redactJson(withError(withoutNothing(result)));
  if (scope.input.assistant.hooks.length === 0) return { ...shown, decisions: [], prompts: [] };
  const { value: _value, ...rest } = shown;
  const seen = await askAll(scope, "post_execution", outcomeOf(code, shown), step);
  const { decisions } = seen;
  const told =
    seen.outcome === "block"
      ? { ...rest, stdout: "", stderr: `withheld: the hook ${seen.hook} blocks: ${seen.reason}\n`, prompts: [] }
      : { ...rest, stdout: seen.value.stdout, stderr: seen.value.stderr, prompts: seen.prompts };
  // What a person is to see first is not told before.
  if (told.prompts.length === 0)
    for (const stream of STREAMS) tellOutput(scope, result.executionId, stream, told[stream]);
  return { ...told, decisions };
}

function tellOutput(scope: TurnScope, executionId: string, stream: "stdout" | "stderr", text: string): void {
  if (text !== "") scope.emit({ type: "output", executionId, stream, text });
}

/** What Python prints for `print()` as a last expression is no value to anybody. */
function withoutNothing({ value, ...result }: SandboxResult): SandboxResult {
  return value == null ? result : { ...result, value };
}

/** An exception is told where a person looks for it. */
function withError({ error, ...result }: SandboxResult): SandboxResult {
  if (error === undefined) return result;
  const line = `${error.name}: ${error.message}\n`;
  const isThere = result.stderr.includes(error.message) && error.message !== "";
  return isThere ? result : { ...result, stderr: `${result.stderr}${line}` };
}

/** Hooks see what people see: the value of the last expression is the last line of what was printed. */
function outcomeOf(
  code: { readonly language: CodeAt["language"]; readonly code: string },
  { status, exitCode, stdout, stderr, value }: SandboxResult,
): HookOutcome {
  const last = value === undefined ? "" : `${typeof value === "string" ? value : JSON.stringify(value)}\n`;
  const gap = stdout === "" || stdout.endsWith("\n") || last === "" ? "" : "\n";
  return { ...code, status, ...(exitCode !== undefined && { exitCode }), stdout: `${stdout}${gap}${last}`, stderr };
}

/** What a hook wants a person to see first is shown when they agree. */
async function agreed(scope: TurnScope, { language, code }: CodeAt, seen: Seen): Promise<SandboxResult> {
  if (seen.prompts.length === 0) return seen;
  const answer = await askPerson(scope, { prompt: seen.prompts.join("\n"), language, code });
  if (answer.status === "approved") return seen;
  const { value: _value, ...rest } = seen;
  return { ...rest, stdout: "", stderr: `withheld: ${refusal(answer)}\n` };
}
