import { createHash } from "node:crypto";
import { posix } from "node:path";
import { GloveboxError, isGloveboxError, toGloveboxError } from "../../core/index.ts";
import type { SandboxBench } from "../../runs/index.ts";
import type { ActionReference, JobHost } from "../runner/job-run.ts";
import { LAYOUT } from "../runner/layout.ts";
import { readSmall } from "../runner/read-small.ts";
import type { ActionDefinition } from "../workflow/action.ts";
import { fileReader } from "../workflow/read-files.ts";

/** An action that is in the sandbox. */
export interface LoadedAction {
  readonly definition: ActionDefinition;
  /** The action's own folder. */
  readonly folder: string;
  /** Of another repository: whose it is, at which ref and commit. */
  readonly repository?: string;
  readonly ref?: string;
  readonly commit?: string;
}

/** Where the repository of an action is in the sandbox. */
export function actionFolder({ owner, repo, ref }: ActionReference): string {
  const mark = createHash("sha256").update(ref).digest("hex").slice(0, 12);
  return `${LAYOUT.actions}/${owner}_${repo}_${mark}`;
}

/** An action of the job's workspace, or of the repository that the using action is in. Errors: `not_found`, `invalid_path`, `invalid_argument`. */
export async function loadLocal(bench: SandboxBench, path: string): Promise<LoadedAction> {
  const folder = posix.resolve(LAYOUT.workspace, path);
  if (folder !== LAYOUT.workspace && !folder.startsWith(`${LAYOUT.workspace}/`)) {
    throw new GloveboxError("invalid_path", `'${path}' leads out of the workspace`);
  }
  return {
    definition: await definitionIn(bench, folder, `Did you forget to run actions/checkout before '${path}'?`),
    folder,
  };
}

/**
 * Brings an action's repository into the sandbox, unless an earlier step did, and reads the action. Errors: `policy_denied`, `forge_unavailable`, `not_found`,
 * `invalid_path` for an archive that leads out of its folder.
 */
export async function loadRemote(
  bench: SandboxBench,
  host: JobHost,
  reference: ActionReference,
): Promise<LoadedAction> {
  const root = actionFolder(reference);
  const commit = (await fetchedCommit(bench, root)) ?? (await bring(bench, host, reference, root));
  const { owner, repo, path, ref } = reference;
  const folder = path === undefined ? root : posix.join(root, path);
  const definition = await definitionIn(bench, folder, `${owner}/${repo}@${ref} has no action there`);
  return { definition, folder, repository: `${owner}/${repo}`, ref, commit };
}

async function bring(bench: SandboxBench, host: JobHost, reference: ActionReference, root: string): Promise<string> {
  const files = await bench.files();
  try {
    const { files: tar, commit } = await host.action(reference, bench.signal);
    await files.mkdir(root, { parents: true, signal: bench.signal });
    await files.unpack(root, tar, bench.signal);
    await files.write(markOf(root), Buffer.from(commit), { signal: bench.signal });
    return commit;
  } catch (error) {
    if (bench.signal.aborted) throw error;
    await files.remove(root, { recursive: true }).catch(() => {});
    const { code, message } = toGloveboxError(error);
    const { owner, repo, ref } = reference;
    const told =
      code === "policy_denied" || code === "not_found" || code === "invalid_path" ? code : "forge_unavailable";
    throw new GloveboxError(told, `Unable to get the action ${owner}/${repo}@${ref}: ${message}`, { cause: error });
  }
}

/** Beside the folder, not in it: an action's repository cannot bring one along. */
function markOf(root: string): string {
  return `${root}.commit`;
}

async function fetchedCommit(bench: SandboxBench, root: string): Promise<string | undefined> {
  try {
    return (await readSmall(bench, markOf(root))).trim();
  } catch (error) {
    if (isGloveboxError(error, "not_found")) return undefined;
    throw error;
  }
}

async function definitionIn(bench: SandboxBench, folder: string, hint: string): Promise<ActionDefinition> {
  for (const name of ["action.yml", "action.yaml"]) {
    const path = `${folder}/${name}`;
    const text = await readSmall(bench, path).catch((error: unknown) => {
      if (isGloveboxError(error, "not_found")) return undefined;
      throw error;
    });
    if (text === undefined) continue;
    const { action, problems } = await fileReader.action({ path, text }, bench.signal);
    if (action !== undefined) return action;
    const [first] = problems.filter(({ severity }) => severity === "error");
    throw new GloveboxError(
      "invalid_argument",
      `${path}:${first?.line ?? 1}:${first?.column ?? 1}: ${first?.message ?? "it cannot be read"}`,
    );
  }
  throw new GloveboxError("not_found", `Can't find 'action.yml' or 'action.yaml' under '${folder}'. ${hint}`);
}
