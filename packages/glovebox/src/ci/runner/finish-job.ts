import type { ProgramContext } from "../../engine/index.ts";
import type { SandboxBench } from "../../runs/index.ts";
import type { JobOutcome } from "./job-run.ts";
import type { JobAtHand } from "./run-job.ts";
import type { Scope } from "./scope.ts";
import type { StepEffects, StepRecord } from "./step-record.ts";
import { StepRun } from "./step-run.ts";

interface Finish {
  readonly outputs: Readonly<Record<string, string>>;
  readonly environmentUrl?: string;
  readonly warnings: readonly string[];
}

/** The job's outputs and its environment's address, from what its steps gave. */
export async function finishJob(context: ProgramContext, at: JobAtHand): Promise<JobOutcome> {
  const { job, progress, sandbox } = at;
  const { outputs, environment } = job.job;
  const url = environment?.url;
  const isPlain = Object.keys(outputs).length === 0 && url === undefined;
  const given = { outputs, ...(url !== undefined && { url }) };
  const finish: Finish = isPlain
    ? { outputs: {}, warnings: [] }
    : await sandbox.work(context, "finish", given, (input, bench) => work(at, bench, input));
  const { conclusion, error, outcomes } = progress;
  return {
    conclusion,
    outputs: finish.outputs,
    steps: withWarnings(outcomes, finish.warnings),
    ...(finish.environmentUrl !== undefined &&
      finish.environmentUrl !== "" && { environmentUrl: finish.environmentUrl }),
    ...(error !== undefined && { error }),
  };
}

async function work(
  { job, host, memory, progress }: JobAtHand,
  bench: SandboxBench,
  { outputs, url }: { readonly outputs: Readonly<Record<string, string>>; readonly url?: string },
): Promise<Finish> {
  await memory.recall(bench, progress.records);
  const secrets = await memory.secrets(bench);
  const before = new Map<StepRecord, StepEffects>();
  for (const record of progress.records) before.set(record, await memory.effects(bench, record));
  const parts = { job, host, memory, bench, secrets, before: [...before.values()], matchers: [] };
  const run = new StepRun({ ...parts, number: progress.nextNumber });
  const steps = progress.results((record) => before.get(record)?.outputs ?? {});
  const scope: Scope = { place: "", depth: 0, env: {}, steps, status: progress.status };
  const github = run.github(scope, undefined);
  const env = await run.environment(scope, github);
  const expressions = run.expressions(scope, { env, github });
  const masks = await bench.masks().catch(() => undefined);
  const shown: Record<string, string> = {};
  const warnings: string[] = [];
  for (const [name, template] of Object.entries(outputs)) {
    const value = await expressions.text(template);
    if (masks !== undefined && masks.redact(value) !== value) {
      warnings.push(`Skip output '${name}' since it may contain secret.`);
    } else if (value !== "") shown[name] = value;
  }
  const environmentUrl = url === undefined ? undefined : await expressions.text(url);
  return { outputs: shown, warnings, ...(environmentUrl !== undefined && { environmentUrl }) };
}

function withWarnings(steps: JobOutcome["steps"], warnings: readonly string[]): JobOutcome["steps"] {
  const last = steps.at(-1);
  if (last === undefined || warnings.length === 0) return steps;
  const annotations = [...last.annotations, ...warnings.map((message) => ({ level: "warning", message }) as const)];
  return [...steps.slice(0, -1), { ...last, annotations }];
}
