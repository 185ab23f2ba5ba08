import { createHash } from "node:crypto";
import { posix } from "node:path";
import { GloveboxError, toGloveboxError } from "../../../core/index.ts";
import { Captured } from "../../runner/captured.ts";
import { LAYOUT } from "../../runner/layout.ts";
import type { StepEnd } from "../../runner/run-step.ts";
import type { StepRun } from "../../runner/step-run.ts";
import type { BuiltInAction, PostAtHand } from "../built-in.ts";
import { storageOf } from "./artifacts.ts";
import { isTrue, linesOf } from "./script.ts";

const COMMON = { path: {}, key: {}, "upload-chunk-size": {}, enableCrossOsArchive: {} };
const OF_RESTORE = {
  ...COMMON,
  "restore-keys": {},
  "fail-on-cache-miss": { default: "false" },
  "lookup-only": { default: "false" },
};

/** `actions/cache`: brings files of an earlier run, and keeps them after a job that succeeded without an exact find. */
export const cache: BuiltInAction = {
  inputs: { ...OF_RESTORE, "save-always": {} },
  async run(run, at, inputs) {
    const end = await restore(run, at.place, inputs);
    run.posts.push({ kind: "built-in", place: at.place, name: at.name, action: "actions/cache" });
    run.keepInputs(at.place, { ...inputs, "cache-hit": end.outputs["cache-hit"] ?? "" });
    return end;
  },
  async post(run, at) {
    if (!at.hasSucceeded || at.inputs["cache-hit"] === "true") return { outcome: "success", outputs: {} };
    return save(run, at.key, at.inputs);
  },
};

/** `actions/cache/restore` */
export const restoreCache: BuiltInAction = {
  inputs: OF_RESTORE,
  run: (run, at, inputs) => restore(run, at.place, inputs),
};

/** `actions/cache/save` */
export const saveCache: BuiltInAction = { inputs: COMMON, run: (run, at, inputs) => save(run, at.place, inputs) };

async function restore(run: StepRun, key: string, inputs: PostAtHand["inputs"]): Promise<StepEnd> {
  const { caches } = storageOf(run);
  const { wanted, version } = wish(inputs);
  const found = await caches.find(wanted, linesOf(inputs["restore-keys"]), version);
  const outputs = {
    "cache-primary-key": wanted,
    "cache-matched-key": found?.name ?? "",
    "cache-hit": found === undefined ? "" : String(found.name === wanted),
  };
  if (found === undefined) {
    if (isTrue(inputs["fail-on-cache-miss"])) {
      throw new GloveboxError(
        "not_found",
        `Failed to restore cache entry. Exiting as fail-on-cache-miss is set. Input key: ${wanted}`,
      );
    }
    return { outcome: "success", outputs };
  }
  const content = isTrue(inputs["lookup-only"]) ? undefined : await caches.get(found.name, version);
  if (content !== undefined) await unpack(run, key, content);
  return { outcome: "success", outputs };
}

/** What cannot be kept is a warning: the job has done its work. */
async function save(run: StepRun, key: string, inputs: PostAtHand["inputs"]): Promise<StepEnd> {
  const { caches } = storageOf(run);
  const { wanted, version, paths } = wish(inputs);
  const { bench } = run;
  const files = await bench.files();
  const path = `${LAYOUT.root}/${key}-cache.tar`;
  try {
    await shell(run, `${key}-pack`, PACK, [path, ...paths]);
    await caches.put(wanted, version, files.read(path, { signal: bench.signal }));
  } catch (error) {
    if (bench.signal.aborted) throw error;
    run.annotations.push({ level: "warning", message: `Failed to save: ${toGloveboxError(error).message}` });
  } finally {
    await files.remove(path).catch(() => {});
  }
  return { outcome: "success", outputs: {} };
}

async function unpack(run: StepRun, key: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const { bench } = run;
  const files = await bench.files();
  const path = `${LAYOUT.root}/${key}-cache.tar`;
  try {
    await files.write(path, content, { signal: bench.signal });
    await shell(run, `${key}-unpack`, UNPACK, [path]);
  } finally {
    await files.remove(path).catch(() => {});
  }
}

/** Names begin at the root, so that what is outside of the checkout comes back to its place. Patterns are the shell's: words of them are expanded, and nothing else. */
const PACK = `tar_file=$1; shift
set -f; list=
IFS='
'
for path; do set +f; for one in $path; do [ -e "$one" ] && list="$list\${list:+$IFS}\${one#/}"; done; set -f; done
[ -n "$list" ] || { echo "Path Validation Error: Path(s) specified in the action for caching do(es) not exist" >&2; exit 1; }
printf '%s\\n' "$list" | tar -C / -cf "$tar_file" -T -`;
const UNPACK = 'tar -C / -xf "$1"';

async function shell(run: StepRun, key: string, script: string, args: readonly string[]): Promise<void> {
  const captured = new Captured();
  const argv = ["/bin/sh", "-c", script, "sh", ...args];
  const { status } = await run.bench.run(key, async () => ({ kind: "command", argv, cwd: LAYOUT.workspace }), captured);
  if (status !== "ok")
    throw new GloveboxError("invalid_argument", captured.stderr.trim().slice(0, 500) || `it ended as ${status}`);
}

/** The version is made from the paths: a cache of other ones would not fit. */
function wish(inputs: PostAtHand["inputs"]): {
  readonly wanted: string;
  readonly version: string;
  readonly paths: readonly string[];
} {
  const lines = linesOf(inputs.path);
  const wanted = (inputs.key ?? "").trim();
  if (wanted === "") throw new GloveboxError("invalid_argument", "Input required and not supplied: key");
  if (lines.length === 0) throw new GloveboxError("invalid_argument", "Input required and not supplied: path");
  const paths = lines.map((line) => posix.resolve(LAYOUT.workspace, line.replace(/^~(?=\/|$)/, LAYOUT.home)));
  const outside = paths.find((path) => !path.startsWith("/workspace/"));
  if (outside !== undefined)
    throw new GloveboxError("invalid_path", `'${outside}' is not in the workspace, and ends with the session`);
  return { wanted, version: createHash("sha256").update(JSON.stringify(lines)).digest("hex"), paths };
}
