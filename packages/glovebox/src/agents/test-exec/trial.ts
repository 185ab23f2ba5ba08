import { GloveboxError, isGloveboxError } from "../../core/index.ts";
import { AGENT_FOLDER, type RepositoryBench, type RunOptions, type RunResult } from "../workbench/repository-bench.ts";
import { checkRepositoryPath } from "../workbench/repository-tree.ts";
import { REPORT_LIMITS } from "./test-report.ts";

/** The copy's own folder; what runs has its turn of the sandbox, so there is only one. */
const TRIAL = `${AGENT_FOLDER}/trial`;
export const TRIAL_ROOT = `${TRIAL}/repo`;

/**
 * Arguments: the trial's folder, the repository, a folder with files that are put over its own (or nothing), how many folders follow that are linked instead of copied,
 * those folders, the command. What the command leaves running in its session ends with it.
 */
const SCRIPT = `trial=$1 repo=$2 over=$3 count=$4; shift 4
clean() { rm -rf "$trial" 2>/dev/null || { chmod -R u+rwx "$trial"; rm -rf "$trial"; }; }
clean
mkdir -p "$trial/repo" || exit 125
if [ "$count" = 0 ]; then
  cp -a "$repo/." "$trial/repo" || exit 125
else
  leave=
  set -f
  ( i=0; for one; do i=$((i+1)); [ $i -gt "$count" ] && break; printf '%s\\n' "./$one"; done ) > "$trial/leave"
  tar -C "$repo" -cf - --anchored --no-wildcards --exclude-from="$trial/leave" . | tar -xf - -C "$trial/repo" || exit 125
  while [ "$count" -gt 0 ]; do
    mkdir -p "$(dirname "$trial/repo/$1")" && ln -s "$repo/$1" "$trial/repo/$1" || exit 125
    shift; count=$((count-1))
  done
fi
if [ -n "$over" ]; then cp -a "$over/." "$trial/repo" || exit 125; fi
cd "$trial/repo" || exit 125
setsid -w sh -c 'echo $$ > "$0"; exec "$@"' "$trial/pid" "$@"
code=$?
kill -9 -"$(cat "$trial/pid")" 2>/dev/null
cd / && clean
exit $code`;

export interface TrialOptions extends Omit<RunOptions, "cwd"> {
  /** Folders that are linked instead of copied. Default: none. */
  readonly include?: readonly string[];
  /** Texts by path, put over the repository's files. Default: none. */
  readonly overlay?: Readonly<Record<string, string>>;
}

/** Runs a program in a copy of the repository, at {@link TRIAL_ROOT}, which goes afterwards: what it writes there is no change of the repository. */
export async function runInTrial(
  bench: RepositoryBench,
  argv: readonly string[],
  { include = [], overlay = {}, ...options }: TrialOptions,
): Promise<RunResult> {
  const over = await putOverlay(bench, overlay);
  const whole = ["/bin/sh", "-c", SCRIPT, "sh", TRIAL, bench.root, over, String(include.length), ...include, ...argv];
  const result = await bench.run(whole, { ...options, cwd: "/" });
  if (result.exitCode === 125)
    throw new GloveboxError("unavailable", "the repository cannot be copied in this sandbox");
  return result;
}

/** Gives the folder that the texts are in; nothing when there are none. */
async function putOverlay(bench: RepositoryBench, overlay: Readonly<Record<string, string>>): Promise<string> {
  const texts = Object.entries(overlay);
  if (texts.length === 0) return "";
  const folder = bench.scratch("overlay");
  for (const [path, text] of texts) {
    checkRepositoryPath(path);
    await bench.writeFile(`${folder}/${path}`, text);
  }
  return folder;
}

/** What a program left in a file; empty when there is nothing, or more than it may have. */
export async function takeResults(
  bench: RepositoryBench,
  path: string,
  maxBytes: number = REPORT_LIMITS.fileBytes,
): Promise<string> {
  try {
    const bytes = await bench.readBytes(path, maxBytes);
    await (await bench.sandbox.files()).remove(path, { signal: bench.signal });
    return bytes.toString("utf8");
  } catch (error) {
    if (isGloveboxError(error, "not_found") || isGloveboxError(error, "payload_too_large")) return "";
    throw error;
  }
}
