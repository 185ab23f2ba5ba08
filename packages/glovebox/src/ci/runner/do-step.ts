import type { ProgramContext } from "../../engine/index.ts";
import type { SandboxBench } from "../../runs/index.ts";
import type { Step } from "../workflow/workflow.ts";
import { prepareJob } from "./prepare-job.ts";
import type { JobAtHand } from "./run-job.ts";
import { runStep } from "./run-step.ts";
import type { Scope } from "./scope.ts";
import type { StepEffects, StepRecord } from "./step-record.ts";
import { StepRun } from "./step-run.ts";

const MAX_NAME = 90;

/** Does a step of the job as one step of the engine. All that needs secrets happens within, so that the journal has none of them. */
export async function doStep(context: ProgramContext, at: JobAtHand, step: Step): Promise<StepRecord> {
  const { sandbox, progress } = at;
  const number = progress.nextNumber;
  const { position: _position, ...input } = step;
  return sandbox.work(
    context,
    stepName(number, progress.current?.name ?? ""),
    input,
    (given, bench) => work(at, bench, { ...given, position: step.position } as Step, number),
    { compare: comparable },
  );
}

/** The name of a step of the engine: a part of a path. */
export function stepName(number: number, name: string): string {
  return `${number} ${name.replaceAll(/[/#\s]+/g, " ").trim()}`.slice(0, MAX_NAME);
}

async function work(at: JobAtHand, bench: SandboxBench, step: Step, number: number): Promise<StepRecord> {
  const { job, host, memory, progress } = at;
  const startedAtMs = Date.now();
  bench.onExecution = (id) => progress.began(id);
  await memory.recall(bench, progress.records);
  const secrets = await memory.secrets(bench);
  await prepareJob(at, bench);
  const before = new Map<StepRecord, StepEffects>();
  for (const record of progress.records) before.set(record, await memory.effects(bench, record));
  const { matchers, status } = progress;
  const run = new StepRun({ job, host, memory, bench, secrets, before: [...before.values()], matchers, number });
  const steps = progress.results((record) => before.get(record)?.outputs ?? {});
  const scope: Scope = { place: "", depth: 0, env: {}, steps, status };
  const done = await runStep(run, step, scope, String(number));
  const effects = run.effects(done.outputs);
  const { annotations, exitCode, error, summary, posts } = run;
  const record: StepRecord = {
    outcome: {
      number,
      ...(step.id !== undefined && { id: step.id }),
      name: done.name,
      outcome: done.outcome,
      conclusion: done.conclusion,
      ...(exitCode !== undefined && { exitCode }),
      outputs: done.outputs,
      startedAtMs,
      durationMs: Date.now() - startedAtMs,
      executionIds: bench.executionIds,
      annotations,
      ...(summary !== "" && { summary }),
      ...(error !== undefined && { error }),
    },
    effects,
    isVeiled: false,
    matchers: run.matchers,
    posts,
  };
  return veil(at, bench, record);
}

/** What the journal may have of a record. What is masked in it stays with the sandbox. */
async function veil({ memory }: JobAtHand, bench: SandboxBench, record: StepRecord): Promise<StepRecord> {
  const masks = await bench.masks().catch(() => undefined);
  if (masks === undefined) return record;
  const masked = masks.redactJson(record);
  const isVeiled = JSON.stringify(masked.effects) !== JSON.stringify(record.effects);
  if (isVeiled) await memory.keep(bench, record.outcome.number, record.effects);
  return { ...masked, isVeiled };
}

/** When it ran, and under which ids, differs each time. */
function comparable({ outcome, effects }: StepRecord): unknown {
  const { executionIds: _ids, startedAtMs: _started, durationMs: _duration, ...rest } = outcome;
  return { outcome: rest, effects };
}
