import { posix } from "node:path";
import { GloveboxError, isGloveboxError } from "../../../core/index.ts";
import type { SandboxBench } from "../../../runs/index.ts";
import type { SourceRequest } from "../../runner/job-run.ts";
import { LAYOUT } from "../../runner/layout.ts";
import type { StepRun } from "../../runner/step-run.ts";
import type { BuiltInAction } from "../built-in.ts";
import { isTrue } from "./script.ts";

const MAX_ENTRIES = 100_000;

/**
 * `actions/checkout`: the repository's files at the job's commit, or at another ref. They come from the server's cache of the repository, and the job needs no credentials for them, so
 * what is about credentials has nothing to act on and is let be. A `.git` is there where `fetch-depth` or `fetch-tags` asks for history.
 */
export const checkout: BuiltInAction = {
  inputs: {
    repository: {},
    ref: {},
    token: {},
    "ssh-key": {},
    "ssh-known-hosts": {},
    "ssh-strict": {},
    "ssh-user": {},
    "persist-credentials": {},
    path: {},
    clean: { default: "true" },
    filter: {},
    "sparse-checkout": {},
    "sparse-checkout-cone-mode": {},
    "fetch-depth": {},
    "fetch-tags": {},
    "show-progress": {},
    lfs: { default: "false" },
    submodules: { default: "false" },
    "set-safe-directory": {},
    "github-server-url": {},
  },
  async run(run, _at, inputs) {
    const { bench, job, host } = run;
    const folder = posix.resolve(LAYOUT.workspace, inputs.path ?? "");
    if (folder !== LAYOUT.workspace && !folder.startsWith(`${LAYOUT.workspace}/`)) {
      throw new GloveboxError("invalid_path", `Repository path '${folder}' is not under '${LAYOUT.workspace}'`);
    }
    if ((inputs["sparse-checkout"] ?? "") !== "") {
      run.annotations.push({ level: "warning", message: "sparse-checkout: all files are checked out here" });
    }
    const files = await bench.files();
    await files.mkdir(folder, { parents: true, signal: bench.signal });
    if (isTrue(inputs.clean)) await empty(bench, folder);
    const { repository = "", ref = "" } = inputs;
    const isOwn = repository === "" || repository.toLowerCase() === job.contexts.github.repository.toLowerCase();
    const recursive = inputs.submodules?.trim().toLowerCase() === "recursive";
    const request = {
      ...(!isOwn && { repository }),
      ...(ref !== "" && { ref }),
      ...((recursive || isTrue(inputs.submodules)) && { submodules: recursive ? ("recursive" as const) : true }),
      ...(isTrue(inputs.lfs) && { lfs: true }),
      ...historyOf(run, inputs, ref === "" && isOwn ? job.contexts.github.ref : ref),
    };
    await files.unpack(folder, await host.source(job, request, bench.signal), bench.signal);
    const commit = isOwn && ref === "" ? job.contexts.github.sha : "";
    const shown = ref === "" ? job.contexts.github.ref : ref;
    return { outcome: "success", outputs: { ref: shown, ...(commit !== "" && { commit }) } };
  },
};

/** More is all of it. */
const MAX_DEPTH = 1_000_000;

/** Errors: `invalid_argument`. */
function historyOf(
  { host, annotations }: StepRun,
  inputs: Readonly<Record<string, string | undefined>>,
  ref: string,
): Pick<SourceRequest, "history"> {
  const wish = (inputs["fetch-depth"] ?? "").trim();
  const tags = isTrue(inputs["fetch-tags"]);
  if (wish === "" && !tags) return {};
  if (!/^\d{1,9}$/.test(wish === "" ? "1" : wish)) {
    throw new GloveboxError("invalid_argument", `fetch-depth: '${wish}' is no number of commits`);
  }
  if (host.hasHistory !== true) {
    const message = "fetch-depth, fetch-tags: an uploaded checkout has no history, so there is no .git";
    annotations.push({ level: "warning", message });
    return {};
  }
  const depth = wish === "" ? 1 : Number(wish);
  return { history: { depth: depth > MAX_DEPTH ? 0 : depth, tags, ref } };
}

/** Takes away all that is in a folder, not the folder: it may be where programs are. */
async function empty(bench: SandboxBench, folder: string): Promise<void> {
  const files = await bench.files();
  const found: string[] = [];
  for await (const { path } of files.list(folder, { limit: MAX_ENTRIES, signal: bench.signal })) found.push(path);
  for (const path of found) {
    await files.remove(posix.join(folder, path), { recursive: true, signal: bench.signal }).catch((error: unknown) => {
      if (!isGloveboxError(error, "not_found")) throw error;
    });
  }
}
