import type { RunGraph, RunInfo, RunUsage } from "@glovebox/sdk";
import type { Colours } from "./colours.ts";
import { type Format, printJson, printRecord } from "./print.ts";
import { printableLine } from "./printable.ts";
import { budgetLine, type TreeStyle, treeLines } from "./run-tree.ts";
import { durationText } from "./units.ts";

/** One run with all that is worth telling of it, without what it did. */
export function printRun(run: RunInfo, format: Format): void {
  if (format === "json") {
    printJson(run);
    return;
  }
  printRecord(
    [
      ["id", run.id],
      ["program", `${run.program} ${run.version}`],
      ["status", statusText(run)],
      ["error", run.error && errorText(run.error)],
      ["created", run.createdAt],
      ["ended", run.endedAt],
      ["parent", run.parentId],
      ["forked from", run.forkedFrom && `${run.forkedFrom.runId} at ${run.forkedFrom.step}`],
      ["resumes", run.resumes === 0 ? undefined : run.resumes],
      ["budget", budgetLine(run.budget, run.usage)],
    ],
    format,
  );
}

/** A run and its tree: two lines of head, its steps, what it used, and how it ended. */
export function runLines(
  { run, graph, used }: { readonly run: RunInfo; readonly graph: RunGraph; readonly used: RunUsage },
  style: TreeStyle,
): string[] {
  const { colours } = style;
  const endMs = run.endedAt === undefined ? style.nowMs : Date.parse(run.endedAt);
  const took = durationText(Math.max(0, endMs - Date.parse(run.createdAt)));
  const origin = [
    run.forkedFrom && `forked from ${run.forkedFrom.runId} at ${run.forkedFrom.step}`,
    run.imported === true ? "imported" : undefined,
    run.resumes > 0 ? `resumed ${run.resumes}×` : undefined,
  ].filter((text) => text !== undefined);
  const state = [colourOf(run, colours)(statusText(run)), took, ...origin.map((text) => printableLine(text))];
  const spent = budgetLine(run.budget, used);
  const lines = [
    `${colours.bold(printableLine(run.program, 100))} ${printableLine(run.version, 100)}  ${colours.dim(run.id)}`,
    state.join(colours.dim(" · ")),
  ];
  const tail = [
    ...(spent === "" ? [] : [`${colours.dim("used")} ${spent}`]),
    ...(run.error === undefined ? [] : [colours.red(printableLine(errorText(run.error), 400))]),
  ];
  const room =
    style.maxLines === undefined ? {} : { maxLines: Math.max(1, style.maxLines - lines.length - tail.length) };
  return [...lines, ...treeLines(graph, { ...style, ...room }), ...tail];
}

export function statusText({ status, waitingFor }: Pick<RunInfo, "status" | "waitingFor">): string {
  return status === "waiting" && waitingFor !== undefined ? `waiting for ${waitingFor.join(", ")}` : status;
}

/** Of an imported run, it is what the file says. */
export function errorText(error: { readonly code?: unknown; readonly message?: unknown }): string {
  return `${String(error.code)}: ${String(error.message)}`;
}

function colourOf({ status }: RunInfo, colours: Colours): (text: string) => string {
  if (status === "completed") return colours.green;
  if (status === "failed" || status === "cancelled") return colours.red;
  return status === "waiting" ? colours.yellow : colours.cyan;
}
