import type { TurnBlock, TurnExecution, TurnResult } from "../../../chat/index.ts";

/** What such clients show as the answer: what the model said, and what came of the code in it, as Markdown. Tools' results are the model's to tell. */
export function answerText(result: TurnResult): string {
  return result.text + appendixOf(result);
}

/** What follows the model's words: what came of each block of its answer. Empty where there is nothing to tell. */
export function appendixOf({ text: said, blocks, executions }: TurnResult): string {
  const parts = blocks
    .filter(({ start }) => start !== undefined)
    .flatMap((block) => {
      const text = textOf(
        block,
        executions.find((execution) => execution.block === block.index),
      );
      return text === "" ? [] : [text];
    });
  if (parts.length === 0) return "";
  return `${said.endsWith("\n") ? "\n" : "\n\n"}${parts.join("\n\n")}`;
}

function textOf({ decision, reason, rule }: TurnBlock, execution: TurnExecution | undefined): string {
  if (execution === undefined) {
    if (decision === "shown" || decision === "executed") return "";
    return `> Not run: ${reason.replaceAll(/\s+/g, " ")}${rule === undefined || reason.includes(rule) ? "" : ` (${rule})`}`;
  }
  const { language, status, exitCode, stdout, stderr, value, truncated, rolledBack } = execution;
  const code = exitCode === undefined || exitCode === 0 ? "" : `, exit code ${exitCode}`;
  const notes = [truncated ? "cut" : "", rolledBack ? "rolled back" : ""].filter((note) => note !== "");
  const said = [stdout, stderr, value ?? ""].map((part) => part.trimEnd()).filter((part) => part !== "");
  const head = `**${language}: ${status}${code}${notes.length > 0 ? `, ${notes.join(", ")}` : ""}**`;
  return said.length === 0 ? head : `${head}\n\n${fenced(said.join("\n"))}`;
}

/** In a fence that is longer than any in the text. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`{3,}/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}
