import { LAYOUT } from "../../runner/layout.ts";
import type { StepEnd } from "../../runner/run-step.ts";
import type { StepRun } from "../../runner/step-run.ts";
import type { PostAtHand } from "../built-in.ts";

/** Runs a script of our own in the sandbox as a part of a step: what it prints is the step's log, what it writes to GITHUB_OUTPUT its outputs. */
export async function runOwnScript(
  run: StepRun,
  at: Pick<PostAtHand, "place" | "env" | "github" | "timeoutMs"> & { readonly key?: string },
  script: string,
  more: { readonly env?: Readonly<Record<string, string>>; readonly files?: Readonly<Record<string, string>> } = {},
): Promise<StepEnd> {
  const { key = at.place, env, github, timeoutMs } = at;
  const plan = {
    files: { "script.sh": script, ...more.files },
    programs: ["sh"],
    args: ["-e", `${LAYOUT.steps}/${key}/script.sh`],
    cwd: LAYOUT.workspace,
    env: { ...env, ...more.env },
    timeoutMs,
  };
  const { outcome, outputs } = await run.process(key, plan, github);
  return { outcome, outputs };
}

/** A truth as actions' inputs have it. */
export function isTrue(input: string | undefined): boolean {
  return input?.trim().toLowerCase() === "true";
}

/** The lines of an input that say something. */
export function linesOf(input: string | undefined): readonly string[] {
  return (input ?? "")
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
