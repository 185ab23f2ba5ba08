import { createHash } from "node:crypto";
import { GloveboxError, isGloveboxError } from "../../core/index.ts";
import type { FileChange } from "../../forges/index.ts";
import { listFiles } from "./list-files.ts";
import type { TextChange } from "./make-diff.ts";
import { type RepositoryBench, textOf } from "./repository-bench.ts";
import { byPath, type RepositoryFile } from "./repository-tree.ts";

/** A file that is not as it was. */
export interface ChangedFile {
  /** For a commit: with its whole content. */
  readonly file: FileChange;
  /** For a diff; absent when the file is no text, or was none. */
  readonly text?: TextChange;
}

/** Of a changed file, and of all of them, bytes. */
const MAX_FILE = 16 << 20;
const MAX_ALL = 64 << 20;

/** What tools leave behind. Such files count only where the repository itself had something in that place. */
const LEAVINGS =
  /(?:^|\/)(?:__pycache__|\.pytest_cache|\.mypy_cache|\.ruff_cache|\.hypothesis|\.nyc_output|node_modules|\.venv|\.tox|[^/]+\.egg-info|\.vitest)\/|\.py[co]$|(?:^|\/)(?:\.coverage|\.DS_Store)$/;
/** Of some languages' tools; a source folder in others. */
const BUILD_FOLDERS: readonly (readonly [folder: string, manifest: string])[] = [["target/", "Cargo.toml"]];

/** All that differs from the base, by path. `conflict` when the base's own copy in the sandbox was tampered with. `payload_too_large`. */
export async function changesSince(
  bench: RepositoryBench,
  base: { readonly files: readonly RepositoryFile[]; readonly include: readonly string[] },
  readBase: (file: RepositoryFile) => Promise<Buffer>,
): Promise<readonly ChangedFile[]> {
  const before = new Map(base.files.map((file) => [file.path, file]));
  const now = new Map((await listFiles(bench, base.include)).map((file) => [file.path, file]));
  const changed: ChangedFile[] = [];
  let bytes = 0;
  const take = async (path: string, old: RepositoryFile | undefined, fresh: RepositoryFile | undefined) => {
    bytes += (old?.size ?? 0) + (fresh?.size ?? 0);
    if (bytes > MAX_ALL) throw new GloveboxError("payload_too_large", `more than ${MAX_ALL} bytes have changed`);
    changed.push(
      await changeOf(path, {
        before: old && { content: await readChecked(old, readBase), mode: gitMode(old) },
        after: fresh && { content: await readFresh(bench, path), mode: gitMode(fresh) },
      }),
    );
  };
  for (const [path, old] of before) {
    const fresh = now.get(path);
    if (fresh === undefined || fresh.hash !== old.hash || fresh.mode !== old.mode) await take(path, old, fresh);
  }
  const isLeft = leavingsOf(before);
  for (const [path, fresh] of now) if (!before.has(path) && !isLeft(path)) await take(path, undefined, fresh);
  return changed.sort((a, b) => byPath(a.file, b.file));
}

interface Side {
  readonly content: Buffer | undefined;
  readonly mode: "100644" | "100755";
}

function changeOf(
  path: string,
  { before, after }: { readonly before: Side | undefined; readonly after: Side | undefined },
): ChangedFile {
  const content = after?.content?.toString("base64") ?? null;
  const file = { path, content, ...(content !== null && after !== undefined && { mode: after.mode }) };
  const old = before?.content === undefined ? null : textOf(before.content);
  const fresh = after?.content === undefined ? null : textOf(after.content);
  if (old === undefined || fresh === undefined) return { file };
  const mode = {
    ...(before !== undefined && { before: before.mode }),
    ...(after?.content !== undefined ? { after: after.mode } : before !== undefined && { after: before.mode }),
  };
  return { file, text: { path, before: old, after: fresh, mode } };
}

function gitMode({ mode }: RepositoryFile): "100644" | "100755" {
  return (mode & 0o100) === 0 ? "100644" : "100755";
}

async function readChecked(file: RepositoryFile, readBase: (file: RepositoryFile) => Promise<Buffer>): Promise<Buffer> {
  const content = await readBase(file).catch((error: unknown) => {
    if (isGloveboxError(error, "not_found") || isGloveboxError(error, "payload_too_large")) return undefined;
    throw error;
  });
  const hash = content === undefined ? undefined : createHash("sha256").update(content).digest("hex");
  if (content !== undefined && hash === file.hash) return content;
  throw new GloveboxError(
    "conflict",
    `what ${file.path} was before has been changed in the sandbox by what ran there`,
    {
      details: { path: file.path, retryable: false },
    },
  );
}

/** `undefined` when it went after it was listed. */
async function readFresh(bench: RepositoryBench, path: string): Promise<Buffer | undefined> {
  try {
    return await bench.readBytes(path, MAX_FILE);
  } catch (error) {
    if (isGloveboxError(error, "not_found")) return undefined;
    throw error;
  }
}

function leavingsOf(before: ReadonlyMap<string, unknown>): (path: string) => boolean {
  const folders = new Set([...before.keys()].map((path) => path.slice(0, path.lastIndexOf("/") + 1)));
  const build = BUILD_FOLDERS.filter(([, manifest]) => before.has(manifest)).map(([folder]) => folder);
  return (path) => {
    const folder = path.slice(0, path.lastIndexOf("/") + 1);
    if (build.some((name) => path.startsWith(name))) return true;
    return LEAVINGS.test(path) && (folder === "" || !folders.has(folder) || !LEAVINGS.test(folder));
  };
}
