import type { ProgramContext } from "../../engine/index.ts";
import type { SandboxBench } from "../../runs/index.ts";
import { fromVerbatim, toVerbatim, type Verbatim } from "../verbatim.ts";
import { beginStep } from "./do-step.ts";
import type { JobOutcome } from "./job-run.ts";
import type { JobAtHand } from "./run-job.ts";

interface Finish {
  /** Texts by name. None has a secret in it. */
  readonly outputs: Verbatim;
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
    ? { outputs: toVerbatim({}), warnings: [] }
    : await sandbox.work(context, "finish", given, (input, bench) => work(at, bench, input));
  const { conclusion, error, outcomes } = progress;
  return {
    conclusion,
    outputs: fromVerbatim(finish.outputs),
    steps: withWarnings(outcomes, finish.warnings),
    ...(finish.environmentUrl !== undefined &&
      finish.environmentUrl !== "" && { environmentUrl: finish.environmentUrl }),
    ...(error !== undefined && { error }),
  };
}

async function work(
  at: JobAtHand,
  bench: SandboxBench,
  { outputs, url }: { readonly outputs: Readonly<Record<string, string>>; readonly url?: string },
): Promise<Finish> {
  const { run, scope } = await beginStep(at, bench);
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
  return { outputs: toVerbatim(shown), warnings, ...(environmentUrl !== undefined && { environmentUrl }) };
}

function withWarnings(steps: JobOutcome["steps"], warnings: readonly string[]): JobOutcome["steps"] {
  const last = steps.at(-1);
  if (last === undefined || warnings.length === 0) return steps;
  const annotations = [...last.annotations, ...warnings.map((message) => ({ level: "warning", message }) as const)];
  return [...steps.slice(0, -1), { ...last, annotations }];
}
