import { GloveboxError, isGloveboxError } from "../../../core/index.ts";
import { Captured } from "../../runner/captured.ts";
import { LAYOUT } from "../../runner/layout.ts";
import { readSmall } from "../../runner/read-small.ts";
import type { StepAtHand } from "../../runner/run-step.ts";
import type { StepRun } from "../../runner/step-run.ts";

/**
 * What a program of the image says of its version; `undefined` when it is not there. The steps' own PATH counts. Nothing of it is in the log.
 */
export async function versionOf(
  run: StepRun,
  at: StepAtHand,
  command: string,
  pattern: RegExp,
): Promise<string | undefined> {
  const captured = new Captured();
  const argv = ["/bin/sh", "-c", `${command} 2>&1 || true`];
  await run.bench.run(`${at.place}-version`, async () => ({ kind: "command", argv }), captured);
  return pattern.exec(captured.stdout)?.[1];
}

/** The version that an input names, or else the file that another one names. */
export async function askedVersion(
  run: StepRun,
  version: string | undefined,
  file: string | undefined,
): Promise<string | undefined> {
  if (version !== undefined && version.trim() !== "") return version.trim();
  if (file === undefined || file.trim() === "") return undefined;
  try {
    return (await readSmall(run.bench, `${LAYOUT.workspace}/${file.trim()}`)).trim();
  } catch (error) {
    if (!isGloveboxError(error, "not_found")) throw error;
    throw new GloveboxError("not_found", `The specified version file at: ${file.trim()} does not exist`);
  }
}

/** A template has the versions that it has: another one is a failure, since what the job would test is not what it says. */
export function refuseVersion(what: string, asked: string, found: string | undefined): GloveboxError {
  const has = found === undefined ? `has no ${what}` : `has ${what} ${found}`;
  return new GloveboxError("language_unavailable", `This template ${has}; the job asks for '${asked}'`, {
    details: { asked, ...(found !== undefined && { available: found }) },
  });
}

/** Package managers' caches are let be: packages come through the template's own way out. */
export function warnOfCache(run: StepRun, cache: string | undefined): void {
  if (cache === undefined || cache.trim() === "" || cache.trim() === "false") return;
  run.annotations.push({ level: "notice", message: "The cache of packages is not used here; actions/cache is" });
}
