import type { WorkflowProblem } from "../../ci/index.ts";
import { coloursFor } from "../render/colours.ts";
import { printableLine } from "../render/printable.ts";

/** Problems on stderr, as compilers write them: editors and people jump to them. */
export function printProblems(problems: readonly WorkflowProblem[]): void {
  const colours = coloursFor(process.stderr);
  for (const { path, line, column, message, severity } of problems) {
    const paint = severity === "error" ? colours.red : colours.yellow;
    process.stderr.write(
      `${printableLine(path)}:${line}:${column}: ${paint(severity)}: ${printableLine(message, 1000)}\n`,
    );
  }
}

export function hasErrors(problems: readonly WorkflowProblem[]): boolean {
  return problems.some(({ severity }) => severity === "error");
}
