import type { ProgramContext } from "../../engine/index.ts";
import { parseUses } from "../actions/action-reference.ts";
import { findBuiltIn } from "../actions/built-in.ts";
import { loadRemote } from "../actions/load-action.ts";
import type { UsesStep } from "../workflow/workflow.ts";
import { recorded } from "./do-step.ts";
import type { JobAtHand } from "./run-job.ts";

/** What an action does before the first step. */
export interface PreWork {
  /** Of the step among the job's. */
  readonly index: number;
  readonly folder: string;
  readonly file: string;
  readonly if: string;
}

export function placeOf(index: number): string {
  return String(index + 1);
}

/** The job's steps that use an action of another repository which is not built in. */
export function remoteSteps({ job }: JobAtHand): readonly { readonly index: number; readonly step: UsesStep }[] {
  return job.job.steps.flatMap((step, index) => {
    if (step.kind !== "uses") return [];
    const used = parseUses(step.uses);
    return used.kind === "repository" && findBuiltIn(used) === undefined ? [{ index, step }] : [];
  });
}

/**
 * Brings the actions of other repositories into the sandbox before the first step, as GitHub does; their commits are in the journal as the step's outputs. Gives what they want
 * done first. False: they could not be had, and the job is over.
 */
export async function setUpJob(context: ProgramContext, at: JobAtHand): Promise<boolean> {
  const { progress } = at;
  const steps = remoteSteps(at);
  if (steps.length === 0) return true;
  const name = "Set up job";
  progress.begin(name);
  const record = await recorded(
    context,
    at,
    steps.map(({ step }) => step.uses),
    async (run) => {
      const outputs: Record<string, string> = {};
      try {
        for (const { index, step } of steps) {
          const used = parseUses(step.uses);
          if (used.kind !== "repository") continue;
          const { commit, definition, folder } = await loadRemote(run.bench, run.host, used);
          outputs[step.uses] = commit ?? "";
          const { runs } = definition;
          if (runs.kind !== "node" || runs.pre === undefined) continue;
          run.pres.push({ index, folder, file: runs.pre, if: runs.preIf ?? "always()" });
        }
        return { name, outcome: "success", conclusion: "success", outputs };
      } catch (error) {
        if (run.bench.signal.aborted) throw error;
        run.fail(error);
        return { name, outcome: "failure", conclusion: "failure", outputs };
      }
    },
  );
  progress.end(record);
  return record.outcome.conclusion === "success";
}
