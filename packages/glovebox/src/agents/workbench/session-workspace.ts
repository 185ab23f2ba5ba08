import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract, pack } from "tar-stream";
import { GloveboxError, isGloveboxError } from "../../core/index.ts";
import type { SandboxFiles } from "../../sandbox/index.ts";
import { applyHunks } from "./apply-hunks.ts";
import { type FilePatch, parseDiff } from "./parse-diff.ts";
import { isRepositoryPath, REPOSITORY_LIMITS } from "./repository-tree.ts";

/** Folders of what others made: there for tools, never part of a change. */
export const MADE_BY_OTHERS = ["node_modules", ".venv", "venv"] as const;

/** A session's workspace as a repository's tar: what is git's own, or has a name that no repository's file has, stays behind. `payload_too_large` beyond {@link REPOSITORY_LIMITS}. */
export async function* workspaceArchive(files: SandboxFiles, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const [entries, out] = [extract(), pack()];
  const reading = pipeline(Readable.from(files.pack(".", signal)), entries);
  reading.catch(() => {}); // the loop says so too
  let [count, bytes] = [0, 0];
  const copying = (async () => {
    for await (const entry of entries) {
      const { header } = entry;
      [count, bytes] = [count + 1, bytes + (header.size ?? 0)];
      if (count > REPOSITORY_LIMITS.files || bytes > REPOSITORY_LIMITS.bytes) {
        throw new GloveboxError("payload_too_large", "the workspace is larger than a repository may be");
      }
      const name = header.name.replace(/^\.\//, "").replace(/\/$/, "");
      const isWanted = header.type !== "directory" && isRepositoryPath(name);
      if (isWanted) await pipeline(entry as unknown as Readable, out.entry({ ...header, name }));
      else (entry as unknown as Readable).resume();
    }
    await reading;
    out.finalize();
  })();
  copying.catch((error: unknown) => out.destroy(error instanceof Error ? error : new Error(String(error))));
  yield* out as unknown as AsyncIterable<Uint8Array>;
}

interface Planned {
  readonly path: string;
  /** `null`: it goes; absent: it is so already. */
  readonly content?: string | null;
  readonly mode?: number;
}

/**
 * Applies a diff to a session's workspace; resolves to the paths of the diff. A file that has what the diff makes of it is left alone, so that doing it again after a crash comes to the same. `conflict` names the
 * files that are not as they were when the diff was made; then nothing is changed.
 */
export async function applyToWorkspace(
  files: SandboxFiles,
  { diff, results, signal }: { diff: string; results: ReadonlyMap<string, string | null>; signal: AbortSignal },
): Promise<readonly string[]> {
  const planned: Planned[] = [];
  const drifted: string[] = [];
  for (const patch of parseDiff(diff)) {
    const plan = await planOf(files, patch, results.get(patch.path), signal);
    if (plan === undefined) drifted.push(patch.path);
    else planned.push(plan);
  }
  if (drifted.length > 0) {
    const message = `these files are not what the diff was made from: ${drifted.slice(0, 20).join(", ")}`;
    throw new GloveboxError("conflict", message, { details: { paths: drifted.slice(0, 100) } });
  }
  for (const { path, content, mode } of planned) {
    if (content === undefined) continue;
    if (content === null) await files.remove(path, { signal });
    else {
      const options = { parents: true, within: "workspace", signal, ...(mode !== undefined && { mode }) } as const;
      await files.write(path, Buffer.from(content, "utf8"), options);
    }
  }
  return planned.map(({ path }) => path);
}

/** `undefined`: the file is not what the diff was made from. */
async function planOf(
  files: SandboxFiles,
  { path, kind, hunks, mode }: FilePatch,
  result: string | null | undefined,
  signal: AbortSignal,
): Promise<Planned | undefined> {
  const before = await textOf(files, path, signal);
  if (result !== undefined && before === result) return { path };
  if ((kind === "create") !== (before === null)) return undefined;
  const after = applyHunks(before ?? "", hunks);
  if (after === undefined || (kind === "delete" && after !== "")) return undefined;
  const bits = mode === undefined ? {} : { mode: mode === "100755" ? 0o755 : 0o644 };
  return { path, content: kind === "delete" ? null : after, ...bits };
}

/** `null`: there is no such file. */
async function textOf(files: SandboxFiles, path: string, signal: AbortSignal): Promise<string | null> {
  const pieces: Uint8Array[] = [];
  const limit = REPOSITORY_LIMITS.textBytes + 1;
  try {
    for await (const piece of files.read(path, { within: "workspace", limit, signal })) pieces.push(piece);
  } catch (error) {
    if (isGloveboxError(error, "not_found")) return null;
    throw error;
  }
  const bytes = Buffer.concat(pieces);
  if (bytes.length === limit) throw new GloveboxError("payload_too_large", `${path} is longer than a diff can change`);
  return bytes.toString("utf8");
}
