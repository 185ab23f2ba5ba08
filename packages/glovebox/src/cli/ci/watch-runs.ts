import type { CiLogLine, CiRun, Glovebox } from "@glovebox/sdk";
import { ciTreeLines } from "../render/ci-tree.ts";
import { coloursFor } from "../render/colours.ts";
import type { Format } from "../render/print.ts";
import { printableLine } from "../render/printable.ts";
import { Screen } from "../render/screen.ts";

/** Lines of a failed step's output that are shown after the tree. */
const TAIL_LINES = 20;

export interface WatchOptions {
  readonly format: Format;
  /** What steps print instead of the tree; always where there is no terminal. */
  readonly logs: boolean;
  /** Ends the looking on. */
  readonly signal: AbortSignal;
}

/** Shows runs as they go on, and gives them once all are completed. */
export async function watchRuns(
  box: Glovebox,
  begun: readonly CiRun[],
  options: WatchOptions,
): Promise<readonly CiRun[]> {
  if (options.format === "json") return Promise.all(begun.map(({ id }) => box.ci.wait(id, options)));
  if (options.format === "plain" || options.logs) return watchLogs(box, begun, options.signal);
  const runs = new Map(begun.map((run) => [run.id, run]));
  const colours = coloursFor(process.stdout);
  const lines = (frame?: number, maxLines?: number) =>
    ciTreeLines([...runs.values()], {
      colours,
      nowMs: Date.now(),
      ...(frame !== undefined && { frame }),
      ...(maxLines !== undefined && { maxLines }),
    });
  using screen = new Screen(process.stdout, lines);
  const follow = async (id: string) => {
    for await (const run of box.ci.follow(id, options)) runs.set(id, run);
  };
  try {
    await Promise.all(begun.map(({ id }) => follow(id)));
  } finally {
    screen.finish(lines());
  }
  const ended = [...runs.values()];
  await showFailures(box, ended);
  return ended;
}

/** Each line that a step prints, behind its job's name; then the tree. */
async function watchLogs(box: Glovebox, begun: readonly CiRun[], signal: AbortSignal): Promise<readonly CiRun[]> {
  const colours = coloursFor(process.stdout);
  const follow = async (run: CiRun) => {
    const printer = linePrinter((job) => (begun.length > 1 ? `${run.title} / ${job}` : job));
    for await (const line of box.ci.logs(run.id, { signal })) printer.take(line);
    printer.end();
    return box.ci.wait(run.id, { signal });
  };
  const ended = await Promise.all(begun.map(follow));
  for (const line of ciTreeLines(ended, { colours, nowMs: Date.now() })) process.stdout.write(`${line}\n`);
  return ended;
}

/** Puts pieces of output together into lines. `nameOf`: what stands before a job's lines. */
export function linePrinter(nameOf: (job: string) => string): { take(piece: CiLogLine): void; end(): void } {
  const colours = coloursFor(process.stdout);
  const open = new Map<string, { readonly name: string; text: string }>();
  const steps = new Map<string, number>();
  const print = (name: string, line: string) => process.stdout.write(`${colours.dim(`${name} |`)} ${line}\n`);
  return {
    take({ job, step, stream, text }) {
      const name = printableLine(nameOf(job), 80);
      if (steps.get(job) !== step.number) {
        steps.set(job, step.number);
        process.stdout.write(`${colours.bold(`${name} › ${printableLine(step.name)}`)}\n`);
      }
      const key = `${job}/${stream}`;
      const lines = ((open.get(key)?.text ?? "") + text).split("\n");
      const rest = lines.pop() ?? "";
      for (const line of lines) print(name, line.replace(/\r$/, ""));
      open.set(key, { name, text: rest });
    },
    end() {
      for (const { name, text } of open.values()) if (text !== "") print(name, text);
      open.clear();
    },
  };
}

async function showFailures(box: Glovebox, runs: readonly CiRun[]): Promise<void> {
  const { bold, dim } = coloursFor(process.stdout);
  for (const run of runs) {
    for (const job of run.jobs) {
      const failed = job.steps.find(({ outcome }) => outcome === "failure");
      if (failed === undefined) continue;
      let text = "";
      for await (const line of box.ci.logs(run.id, { job: job.key, follow: false })) {
        if (line.step.number === failed.number) text = (text + line.text).slice(-65_536);
      }
      const tail = text.trimEnd().split("\n").slice(-TAIL_LINES);
      if (text.trim() === "") continue;
      process.stdout.write(`\n${bold(`${printableLine(job.name, 80)} › ${printableLine(failed.name)}`)}\n`);
      for (const line of tail) process.stdout.write(`${dim("│")} ${line}\n`);
    }
  }
}

/** What scripts read: fixed, whatever else a run comes to hold. */
export function resultJson(runs: readonly CiRun[]) {
  return {
    workflows: runs.map((run) => ({
      file: run.workflow.path,
      name: run.workflow.name,
      conclusion: run.conclusion ?? null,
      ...(run.error !== undefined && { error: run.error }),
      jobs: run.jobs.map((job) => ({
        id: job.id,
        name: job.name,
        matrix: job.matrix,
        conclusion: job.conclusion ?? null,
        ...(job.error !== undefined && { error: job.error }),
        steps: job.steps.map((step) => ({
          name: step.name,
          conclusion: step.conclusion ?? null,
          exitCode: step.exitCode ?? null,
          outputs: step.outputs,
        })),
      })),
    })),
  };
}
