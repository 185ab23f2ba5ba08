import type { ProgramContext } from "../../engine/index.ts";
import type { SandboxBench } from "../../runs/index.ts";
import type { Step } from "../workflow/workflow.ts";
import { prepareJob } from "./prepare-job.ts";
import type { JobAtHand } from "./run-job.ts";
import { runStep, type StepDone } from "./run-step.ts";
import type { Scope } from "./scope.ts";
import type { StepEffects, StepRecord } from "./step-record.ts";
import { StepRun } from "./step-run.ts";

const MAX_NAME = 90;

/** Does a step of the job as one step of the engine. All that needs secrets happens within, so that the journal has none of them. `place`: unique in the job. */
export function doStep(context: ProgramContext, at: JobAtHand, step: Step, place: string): Promise<StepRecord> {
  const { position, ...input } = step;
  return recorded(context, at, input, (run, scope, given) =>
    runStep(run, { ...given, position } as Step, scope, place),
  );
}

/** Does something as one step of the engine, and of the job: with a number, a name, a log and effects. */
export function recorded<Input>(
  context: ProgramContext,
  at: JobAtHand,
  input: Input,
  work: (run: StepRun, scope: Scope, input: Input) => Promise<StepDone>,
): Promise<StepRecord> {
  const { sandbox, progress } = at;
  const number = progress.nextNumber;
  const name = stepName(number, progress.current?.name ?? "");
  const does = async (given: Input, bench: SandboxBench) => {
    const startedAtMs = Date.now();
    const { run, scope } = await beginStep(at, bench);
    at.memory.atWork = { run, startedAtMs };
    const done = await work(run, scope, given);
    return recordOf(at, bench, { run, startedAtMs, done });
  };
  return sandbox.work(context, name, input, does, { compare: comparable });
}

/** The name of a step of the engine: a part of a path. */
function stepName(number: number, name: string): string {
  return `${number} ${name.replaceAll(/[/#\s]+/g, " ").trim()}`.slice(0, MAX_NAME);
}

/** What is there for the next step: all that those before it left. */
export async function beginStep(at: JobAtHand, bench: SandboxBench): Promise<{ run: StepRun; scope: Scope }> {
  const { job, host, memory, progress } = at;
  bench.onExecution = (id) => progress.began(id);
  await memory.recall(bench, progress.records);
  const secrets = await memory.secrets(bench);
  const toolkit = await memory.toolkit(bench);
  await prepareJob(at, bench);
  const before = new Map<StepRecord, StepEffects>();
  for (const record of progress.records) before.set(record, await memory.effects(bench, record));
  const { matchers, status, nextNumber: number } = progress;
  const run = new StepRun({
    job,
    host,
    memory,
    bench,
    secrets,
    toolkit,
    before: [...before.values()],
    matchers,
    number,
  });
  const steps = progress.results((record) => before.get(record)?.outputs ?? {});
  return { run, scope: { place: "", depth: 0, env: {}, steps, status } };
}

/** A step as the journal may have it: what is masked in it stays with the sandbox. */
export async function recordOf(
  { memory, progress }: JobAtHand,
  bench: SandboxBench,
  { run, startedAtMs, done }: { readonly run: StepRun; readonly startedAtMs: number; readonly done: StepDone },
): Promise<StepRecord> {
  const { annotations, exitCode, error, summary, posts, number } = run;
  const { name, outcome, conclusion, outputs } = done;
  const id = progress.current?.id;
  const record: StepRecord = {
    outcome: {
      number,
      ...(id !== undefined && { id }),
      name,
      outcome,
      conclusion,
      ...(exitCode !== undefined && { exitCode }),
      outputs,
      startedAtMs,
      durationMs: Date.now() - startedAtMs,
      executionIds: [...run.bench.executionIds],
      annotations: [...annotations],
      ...(summary !== "" && { summary }),
      ...(error !== undefined && outcome !== "success" && { error }),
    },
    effects: run.effects(outputs),
    isVeiled: false,
    matchers: run.matchers,
    posts: [...posts],
    pres: run.pres,
  };
  const masks = await bench.masks().catch(() => undefined);
  if (masks === undefined) return record;
  const masked = masks.redactJson(record);
  const isVeiled = JSON.stringify(masked.effects) !== JSON.stringify(record.effects);
  if (isVeiled) await memory.keep(bench, number, record.effects);
  return { ...masked, isVeiled };
}

/** When it ran, and under which ids, differs each time. */
function comparable({ outcome, effects }: StepRecord): unknown {
  const { executionIds: _ids, startedAtMs: _started, durationMs: _duration, ...rest } = outcome;
  return { outcome: rest, effects };
}
