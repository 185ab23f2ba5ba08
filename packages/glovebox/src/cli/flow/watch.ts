import type { FlowQuestion, FlowRun, FlowStep, Glovebox, RunRecord } from "@glovebox/sdk";
import { coloursFor } from "../render/colours.ts";
import type { Format } from "../render/print.ts";
import { printableLine } from "../render/printable.ts";

export interface WatchOptions {
  readonly format: Format;
  readonly signal: AbortSignal;
  /** Is told what the flow asks; false: nobody here can answer. Default: somebody else answers. */
  readonly onQuestion?: (question: FlowQuestion) => Promise<void>;
}

/** Shows a run of a flow until it has ended: a tree on a terminal, a line a step elsewhere, nothing for JSON. */
export async function watchFlow(box: Glovebox, id: string, options: WatchOptions): Promise<FlowRun> {
  const told = new Set<string>();
  for (;;) {
    const isAsked = await watchOnce(box, id, options, told);
    const view = await box.flows.run(id, { signal: options.signal });
    if (!isAsked) return view;
    for (const question of view.questions) {
      if (told.has(question.id)) continue;
      told.add(question.id);
      await options.onQuestion?.(question);
    }
  }
}

/** Resolves to whether it asks something that was not told yet, instead of having ended. */
async function watchOnce(
  box: Glovebox,
  id: string,
  { format, signal, onQuestion }: WatchOptions,
  told: ReadonlySet<string>,
): Promise<boolean> {
  let isAsked = false;
  const asks = (record: RunRecord) => {
    const question = noteOf(record)?.question;
    isAsked = onQuestion !== undefined && question !== undefined && !told.has(question.id);
    return isAsked;
  };
  if (format === "human") {
    const { drawRun } = await import("../commands/runs/watch.ts");
    await drawRun(box, id, { signal, until: asks });
    return isAsked;
  }
  for await (const record of box.runs.follow(id, { signal })) {
    const step = noteOf(record)?.step;
    if (format === "plain" && step !== undefined && !told.has(`step ${record.seq}`)) {
      (told as Set<string>).add(`step ${record.seq}`);
      process.stdout.write(`${stepLine(step)}\n`);
    }
    if (asks(record)) return true;
  }
  return false;
}

function noteOf({
  type,
  payload,
}: RunRecord): { readonly step?: FlowStep; readonly question?: FlowQuestion } | undefined {
  if (type !== "step.completed" || payload.kind !== "note") return undefined;
  const note = payload.result as {
    readonly flow?: { readonly step?: FlowStep; readonly question?: FlowQuestion };
  } | null;
  return note?.flow;
}

function stepLine({ id, agent, status, summary }: FlowStep): string {
  const { green, red, dim } = coloursFor(process.stdout);
  const mark = status === "done" ? green("✓") : status === "failed" ? red("✗") : dim("⊘");
  const who = agent === undefined || agent === id ? "" : dim(` (${agent})`);
  return `${mark} ${printableLine(id, 60)}${who}  ${printableLine(summary, 200)}`;
}
