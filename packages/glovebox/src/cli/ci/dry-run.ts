import type { WorkflowProblem } from "../../ci/index.ts";
import { EXIT } from "../failure.ts";
import { coloursFor } from "../render/colours.ts";
import { formatFor, printJson } from "../render/print.ts";
import { printableLine } from "../render/printable.ts";
import { readWorkflowFiles, type WorkflowFile } from "./checkout.ts";
import { factsOf } from "./pack-checkout.ts";
import { hasErrors, printProblems } from "./problems.ts";
import type { CiRunFlags } from "./run.ts";

interface PlannedFile {
  readonly file: string;
  readonly name: string;
  readonly jobs: readonly {
    readonly id: string;
    readonly name: string;
    readonly matrix: Readonly<Record<string, unknown>>;
    readonly needs: readonly string[];
  }[];
  readonly problems: readonly WorkflowProblem[];
}

/** Says which workflows and jobs would run, in the order in which they can. */
export async function dryRun(root: string, files: readonly string[], flags: CiRunFlags): Promise<void> {
  const { ref = "refs/heads/main" } = await factsOf(root);
  const event = { name: flags.event, ref: flags.ref ?? ref };
  const read = readWorkflowFiles(
    root,
    files.map((path) => `${root}/${path}`),
  );
  const plans = await Promise.all(read.map((file) => planOf(file, files.length > 0 ? undefined : event, flags)));
  const planned = plans.filter((plan) => plan !== undefined);
  const problems = planned.flatMap((plan) => plan.problems);
  if (hasErrors(problems)) process.exitCode = EXIT.failed;
  if (formatFor(flags) === "json") return printJson({ workflows: planned });
  const { bold, dim } = coloursFor(process.stdout);
  for (const { name, file, jobs } of planned) {
    process.stdout.write(`${bold(printableLine(name))}  ${dim(printableLine(file))}\n`);
    for (const job of jobs) {
      const after = job.needs.length === 0 ? "" : dim(`  after ${printableLine(job.needs.join(", "))}`);
      process.stdout.write(`  ${printableLine(job.name)}${after}\n`);
    }
  }
  if (planned.length === 0) process.stderr.write(`no workflow is started by ${flags.event} here\n`);
  printProblems(problems);
}

/** `undefined` where the event does not start it; without an event it runs anyway. */
async function planOf(
  file: WorkflowFile,
  event: { readonly name: string; readonly ref: string } | undefined,
  { job, matrix: only = {} }: CiRunFlags,
): Promise<PlannedFile | undefined> {
  const { matchesEvent, parseWorkflow, planWorkflow } = await import("../../ci/index.ts");
  const { workflow, problems } = parseWorkflow(file);
  if (workflow === undefined) return { file: file.path, name: file.path, jobs: [], problems };
  if (event !== undefined && !matchesEvent(workflow, event)) return undefined;
  const plan = planWorkflow(workflow);
  const wanted = neededBy(job, plan.jobs);
  const jobs = plan.jobs
    .filter(({ id }) => wanted === undefined || wanted.has(id))
    .flatMap(({ id, needs, instances }) =>
      (instances ?? [{ name: `${id} (its matrix depends on other jobs)`, matrix: {} }])
        .filter(({ matrix }) => fits(matrix, only))
        .map(({ name, matrix }) => ({ id, name, matrix, needs })),
    );
  return { file: file.path, name: workflow.name, jobs, problems: [...problems, ...plan.problems] };
}

/** A job with all that it needs; absent: no choice was made. */
function neededBy(
  id: string | undefined,
  jobs: readonly { readonly id: string; readonly needs: readonly string[] }[],
): ReadonlySet<string> | undefined {
  if (id === undefined) return undefined;
  const wanted = new Set([id]);
  // By level: what is needed stands before what needs it.
  for (const job of jobs.toReversed()) if (wanted.has(job.id)) for (const need of job.needs) wanted.add(need);
  return wanted;
}

function fits(matrix: Readonly<Record<string, unknown>>, only: Readonly<Record<string, string>>): boolean {
  return Object.entries(only).every(([name, value]) => !Object.hasOwn(matrix, name) || String(matrix[name]) === value);
}
