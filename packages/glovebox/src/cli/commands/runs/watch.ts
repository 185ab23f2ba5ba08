import type { Glovebox, RunGraph, RunInfo, RunRecord } from "@glovebox/sdk";
import { BudgetTrail, RunTree } from "../../../engine/index.ts";
import { ExitError } from "../../failure.ts";
import { coloursFor } from "../../render/colours.ts";
import { runLines } from "../../render/run.ts";
import { Screen } from "../../render/screen.ts";
import { interruptedCode } from "../../run/command.ts";
import { onInterrupt } from "../../run/interrupt.ts";

/** More than fit on any screen, and few enough to be drawn ten times a second. */
const MAX_NODES = 1000;

/** Draws a run as it goes on, until it has ended or nobody wants to look any more; the run itself is not touched. */
export async function watchRun(box: Glovebox, id: string): Promise<void> {
  const interrupt = onInterrupt();
  try {
    await drawRun(box, id, { signal: interrupt.signal });
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    process.stderr.write(`the run goes on: glovebox runs show ${id}\n`);
    throw new ExitError(interruptedCode(interrupt.signal.reason));
  } finally {
    interrupt.stop();
  }
}

/** The picture alone: resolves when the run has ended, or once `until` says so of a record, which ends the picture; rejects when the signal ends it. */
export async function drawRun(
  box: Glovebox,
  id: string,
  options: { readonly signal: AbortSignal; readonly until?: (record: RunRecord) => boolean },
): Promise<void> {
  const tree = new RunTree({ maxNodes: MAX_NODES });
  const trail = new BudgetTrail();
  const colours = coloursFor(process.stdout);
  let run = await box.runs.get(id);
  const lines = (frame?: number, maxLines?: number) => {
    const graph = tree.graph();
    const style = { colours, nowMs: Date.now(), ...(frame !== undefined && { frame }), ...(maxLines && { maxLines }) };
    return runLines({ run: frame === undefined ? run : asItIs(run, graph), graph, used: trail.used }, style);
  };
  using screen = new Screen(process.stdout, lines);
  try {
    for await (const record of box.runs.follow(id, { signal: options.signal })) {
      tree.take(record);
      trail.take(record);
      if (options.until?.(record) === true) return screen.finish(lines(0));
    }
    run = await box.runs.get(id);
    screen.finish(lines());
  } catch (error) {
    screen.finish(lines(0));
    throw error;
  }
}

/** What its journal tells of a run that goes on: nothing else asks the server while it is looked at. */
function asItIs(run: RunInfo, { nodes }: RunGraph): RunInfo {
  const { waitingFor: _, ...known } = run;
  const open = nodes.filter(({ status }) => status === "running" || status === "waiting" || status === "pending");
  if (open.length === 0) return known;
  const waits = open.flatMap(({ waitsFor }) =>
    waitsFor === undefined || waitsFor.kind === "retry" ? [] : [waitsFor.kind],
  );
  const isWaiting = open.every(
    ({ kind, status }) => status === "waiting" && kind !== "step" && kind !== "compensation",
  );
  return isWaiting
    ? { ...known, status: "waiting", waitingFor: [...new Set(waits)].toSorted() }
    : { ...known, status: "running" };
}
