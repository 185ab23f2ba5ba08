import { parseWorkflow } from "../workflow/parse-workflow.ts";
import type { Job, Step } from "../workflow/workflow.ts";

/** What would be done with a file as it is, a line a command: nothing for one that is no workflow, or one with errors. */
export function planLines(file: { readonly path: string; readonly text: string }): readonly string[] {
  return parseWorkflow(file).workflow?.jobs.flatMap(linesOf) ?? [];
}

function linesOf(job: Job): readonly string[] {
  if (job.kind === "reusable") return [`uses ${job.uses}`];
  return job.steps.flatMap(stepLines);
}

function stepLines(step: Step): readonly string[] {
  return step.kind === "uses"
    ? [`uses ${step.uses}`]
    : step.run
        .trimEnd()
        .split("\n")
        .map((line) => `$ ${line}`);
}

/** At most so many lines a side are compared. */
const MAX_LINES = 1_000;

/** Both sides as one list of lines: `-` only before, `+` only after, two spaces in both. */
export function lineDiff(before: readonly string[], after: readonly string[]): string {
  const [a, b] = [before.slice(0, MAX_LINES), after.slice(0, MAX_LINES)];
  // common[i][j]: how many lines a[i…] and b[j…] have in common, in order.
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  const at = (i: number, j: number) => common[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const row = common[i];
      if (row !== undefined) row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push(`  ${a[i]}`);
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) {
      lines.push(`- ${a[i]}`);
      i += 1;
    } else {
      lines.push(`+ ${b[j]}`);
      j += 1;
    }
  }
  return lines.join("\n");
}
