import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { GloveboxError } from "../../core/index.ts";

const run = promisify(execFile);
const TIMEOUT_MS = 10 * 60_000;

/** Nothing of the repository's or the server's own configuration runs: no hooks, no filters, no helpers, no network. */
const CONFIG = `[safe]
\tdirectory = *
[core]
\thooksPath = /dev/null
\tfsmonitor = false
[protocol]
\tallow = never
[protocol "file"]
\tallow = always
[advice]
\tdetachedHead = false
`;

/**
 * Clones a repository of the host (a path or a `file://` URL) into the empty `folder` and checks out `ref` (default: its HEAD). Resolves to the
 * commit. Errors: `workspace_invalid`.
 */
export async function cloneRepository(
  source: string,
  ref: string | undefined,
  folder: string,
  signal?: AbortSignal,
): Promise<string> {
  const path = localPath(source);
  if (ref !== undefined && !/^[A-Za-z0-9_][^\s~^:?*[\\]*$/.test(ref)) {
    throw new GloveboxError("workspace_invalid", `'${ref}' is not a name of a branch, tag or commit`);
  }
  const home = await mkdtemp(join(tmpdir(), "glovebox-git-"));
  try {
    const config = join(home, "config");
    await writeFile(config, CONFIG);
    const env = {
      PATH: process.env.PATH ?? "/usr/bin:/bin",
      HOME: home,
      GIT_CONFIG_GLOBAL: config,
      GIT_CONFIG_NOSYSTEM: "1",
      // These two hold in the source, too, where git obeys the repository's configuration before ours: a "partial clone"
      // could else have what it lacks fetched by a program of its choice.
      GIT_ALLOW_PROTOCOL: "file",
      GIT_NO_LAZY_FETCH: "1",
      GIT_TERMINAL_PROMPT: "0",
      LC_ALL: "C",
    };
    const git = (...args: string[]) =>
      run("git", args, { env, timeout: TIMEOUT_MS, maxBuffer: 1 << 20, ...(signal !== undefined && { signal }) });
    await git("clone", "--quiet", "--no-local", "--template=", "--no-checkout", "--", path, folder);
    await git("-C", folder, "checkout", "--quiet", "--detach", await resolveRef(git, folder, ref));
    const { stdout } = await git("-C", folder, "rev-parse", "HEAD");
    return stdout.trim();
  } catch (error) {
    throw new GloveboxError("workspace_invalid", `the repository could not be cloned: ${explain(error)}`, {
      cause: error,
    });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** A branch of the source is a remote branch of the clone. */
async function resolveRef(
  git: (...args: string[]) => Promise<{ stdout: string }>,
  folder: string,
  ref: string | undefined,
): Promise<string> {
  if (ref === undefined) return "HEAD";
  for (const candidate of [`refs/remotes/origin/${ref}`, ref]) {
    try {
      const { stdout } = await git("-C", folder, "rev-parse", "--verify", "--quiet", `${candidate}^{commit}`);
      return stdout.trim();
    } catch {
      // The next one may be it.
    }
  }
  throw new GloveboxError("workspace_invalid", `the repository has no '${ref}'`);
}

function localPath(source: string): string {
  const path = source.startsWith("file://") ? fileURLToPath(source) : source;
  if (isAbsolute(path)) return path;
  throw new GloveboxError("workspace_invalid", "a repository must be an absolute path or a file:// URL");
}

function explain(error: unknown): string {
  const stderr = (error as { stderr?: unknown }).stderr;
  if (typeof stderr === "string" && stderr.trim() !== "")
    return stderr.trim().split("\n").slice(-3).join(" ").slice(0, 500);
  return error instanceof Error ? error.message : String(error);
}
