import type { ModelMessage } from "../../core/index.ts";
import { extractCode } from "../extraction/extract-code.ts";
import { MAX_TEXT } from "../extraction/options.ts";
import type { CodeBlock } from "../extraction/types.ts";
import type { TurnBlock, TurnExecution } from "../services.ts";
import { ask } from "./ask.ts";
import { judge } from "./judge.ts";
import { resultText } from "./result-text.ts";
import { runBlock } from "./run-code.ts";
import type { TurnScope } from "./turn-scope.ts";

/** The model answers, and the code in its answer is judged and run. */
export async function answerMode(scope: TurnScope, messages: readonly ModelMessage[]): Promise<void> {
  const { text } = await ask(scope, messages, []);
  const results: string[] = [];
  try {
    for (const block of await blocksOf(scope, text)) {
      const ran = await takeBlock(scope, block, scope.record.blocks.length);
      if (ran !== undefined) results.push(`Result of block ${ran.block + 1}:\n${resultText(ran)}`);
    }
  } finally {
    // What came out is part of what was said: the next turn's model is to know it.
    const said = [text, ...results].filter((part) => part !== "").join("\n\n");
    if (said !== "") scope.record.said.push({ role: "assistant", text: said });
  }
}

async function blocksOf({ context, input, request, budget }: TurnScope, text: string): Promise<readonly CodeBlock[]> {
  if (text === "") return [];
  const { autoExecuteThreshold, askThreshold } = input.assistant.execution;
  const options = {
    from: "answer" as const,
    request: request.slice(0, MAX_TEXT),
    executeThreshold: autoExecuteThreshold,
    askThreshold: Math.min(askThreshold, autoExecuteThreshold),
  };
  const { blocks } = await context.step(
    "read",
    { text, options },
    (given, step) => extractCode(given.text, given.options, step.signal),
    await budget.time(),
  );
  return blocks;
}

async function takeBlock(scope: TurnScope, found: CodeBlock, index: number): Promise<TurnExecution | undefined> {
  const { language, code, start, end, confidence } = found;
  const base = { index, language, code, start, end, confidence, notes: [] };
  const settled = settledAtOnce(scope, found);
  if (settled !== undefined || language === null) {
    tellBlock(scope, { ...base, ...(settled ?? SHOWN_OTHER) });
    return undefined;
  }
  const { autoExecuteThreshold } = scope.input.assistant.execution;
  const isSure = confidence >= autoExecuteThreshold;
  const share = confidence.toFixed(2);
  const verdict = await judge(scope, {
    language,
    code,
    grounds: `its confidence is ${share}, from ${autoExecuteThreshold} on code runs by itself`,
    ...(!isSure && { doubt: `its confidence is ${share}, below ${autoExecuteThreshold}: ${reasonsOf(found)}` }),
  });
  const { code: judged, ...decided } = verdict;
  const block: TurnBlock = { ...base, ...judged, ...decided };
  tellBlock(scope, block);
  if (verdict.decision !== "executed") return undefined;
  scope.budget.countToolCall();
  const outcome = await runBlock(scope, block, judged);
  return "ran" in outcome ? outcome.ran : undefined;
}

const SHOWN_OTHER = { decision: "shown", reason: "it is in no language that runs here" } as const;

/** What needs neither rules nor hooks to be decided. */
function settledAtOnce(
  { input }: TurnScope,
  { language, confidence, ...found }: CodeBlock,
): Pick<TurnBlock, "decision" | "reason"> | undefined {
  const { enabled, autoExecuteThreshold } = input.assistant.execution;
  // What runs by itself needs no person: asking cannot begin above it.
  const askThreshold = Math.min(input.assistant.execution.askThreshold, autoExecuteThreshold);
  if (language === null) return SHOWN_OTHER;
  if (!enabled) return { decision: "disabled", reason: "execution is off for this assistant: nothing was run" };
  if (confidence >= askThreshold) return undefined;
  const reason = `its confidence is ${confidence.toFixed(2)}, below ${askThreshold}: ${reasonsOf({ ...found })}`;
  return { decision: "shown", reason };
}

/** The three signs that count most. */
function reasonsOf({ reasons }: Pick<CodeBlock, "reasons">): string {
  const most = reasons.toSorted((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).slice(0, 3);
  return most.map(({ message }) => message).join("; ");
}

export function tellBlock(scope: TurnScope, block: TurnBlock): void {
  scope.emit({ type: "block", block: scope.record.setBlock(block) });
}
