import type { Command } from "commander";
import type { Plan, PlannedJob, Workflow, WorkflowProblem } from "../../ci/index.ts";
import { flagsOf } from "../commands/options.ts";
import { EXIT } from "../failure.ts";
import { coloursFor } from "../render/colours.ts";
import { formatFor, printJson } from "../render/print.ts";
import { printableLine } from "../render/printable.ts";
import { checkoutRoot, readWorkflowFiles, type WorkflowFile } from "./checkout.ts";
import { hasErrors, printProblems } from "./problems.ts";

interface PlannedFile {
  readonly file: string;
  readonly name: string;
  readonly plan?: Plan;
  readonly problems: readonly WorkflowProblem[];
}

export function addCiPlan(ci: Command): void {
  ci.command("plan [files...]")
    .description("Show the jobs of this checkout's workflows as a graph in levels, matrices expanded; nothing is run")
    .action(async (files: string[], _options, command: Command) => {
      const root = checkoutRoot(".");
      const planned = await planFiles(readWorkflowFiles(root, files), root);
      if (planned.some(({ problems }) => hasErrors(problems))) process.exitCode = EXIT.failed;
      if (formatFor(flagsOf(command)) === "json") return printJson({ workflows: planned.map(toJson) });
      for (const file of planned) printPlan(file);
      printProblems(planned.flatMap(({ problems }) => problems));
    });
}

async function planFiles(files: readonly WorkflowFile[], root: string): Promise<readonly PlannedFile[]> {
  const { callProblems, parseWorkflow, planWorkflow } = await import("../../ci/index.ts");
  const called = (caller: Workflow): readonly WorkflowProblem[] =>
    caller.jobs.flatMap((job) => {
      if (job.kind !== "reusable" || !job.uses.startsWith("./")) return [];
      const [file] = readWorkflowFiles(root, [`${root}/${job.uses}`]);
      const callee = file === undefined ? undefined : parseWorkflow(file).workflow;
      return callee === undefined ? [] : callProblems(caller, job, callee);
    });
  return files.map((file) => {
    const { workflow, problems } = parseWorkflow(file);
    if (workflow === undefined) return { file: file.path, name: file.path, problems };
    const plan = planWorkflow(workflow);
    return {
      file: file.path,
      name: workflow.name,
      plan,
      problems: [...problems, ...plan.problems, ...called(workflow)],
    };
  });
}

function toJson({ file, name, plan, problems }: PlannedFile) {
  const jobs = plan?.jobs.map(({ id, needs, level, instances, job }) => ({
    id,
    kind: job.kind,
    needs,
    level,
    ...(job.kind === "steps" ? { runsOn: job.runsOn, steps: job.steps.length } : { uses: job.uses }),
    ...(instances === undefined ? {} : { instances }),
  }));
  return { file, name, levels: plan?.levels ?? [], jobs: jobs ?? [], problems };
}

function printPlan({ file, name, plan }: PlannedFile): void {
  const colours = coloursFor(process.stdout);
  const title = name === file ? "" : ` ${colours.dim(printableLine(file))}`;
  process.stdout.write(`${colours.bold(printableLine(name))}${title}\n`);
  for (const [level, ids] of (plan?.levels ?? []).entries()) {
    process.stdout.write(`  ${level + 1}\n`);
    for (const job of plan?.jobs.filter(({ id }) => ids.includes(id)) ?? []) printJob(job);
  }
}

function printJob(planned: PlannedJob): void {
  const colours = coloursFor(process.stdout);
  const needs = planned.needs.length === 0 ? "" : colours.dim(` needs ${planned.needs.join(", ")}`);
  const { job, instances } = planned;
  const what = job.kind === "reusable" ? ` uses ${printableLine(job.uses)}` : "";
  if (instances === undefined) {
    process.stdout.write(
      `    ${printableLine(planned.id)}${what}${needs} ${colours.dim("(its matrix is known only in the run)")}\n`,
    );
  }
  for (const { name } of instances ?? []) process.stdout.write(`    ${printableLine(name)}${what}${needs}\n`);
}
