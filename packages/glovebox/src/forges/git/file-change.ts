import { GloveboxError } from "../../core/index.ts";

/** What becomes of one file in a commit. */
export interface FileChange {
  /** From the repository's root, with `/`. */
  readonly path: string;
  /** The whole new content, base64; `null`: the file goes. */
  readonly content: string | null;
  /** Default: as it was, and of a new file `100644`. Links and submodules are not made. */
  readonly mode?: "100644" | "100755";
}

/** Of a path, bytes: what the file systems of clones take. */
const MAX_PATH = 4096;
const MAX_NAME = 255;
const MAX_CHANGES = 10_000;
/** Of all new contents, bytes. */
const MAX_CONTENT = 64 << 20;

/**
 * The changes with their contents as bytes, by path. Errors: `invalid_path` for what is no path of a file in a repository, or would be another one on
 * somebody's machine (`.git` and what Windows and macOS take for it are left to git, which refuses them); `invalid_argument` for none, for two of one path,
 * and for content that is not base64; `payload_too_large` beyond 10,000 changes or 64 MiB.
 */
export function readChanges(changes: readonly FileChange[]): ReadonlyMap<string, ReadChange> {
  if (changes.length === 0) throw new GloveboxError("invalid_argument", "a commit has at least one change");
  if (changes.length > MAX_CHANGES) throw tooMuch(`more than ${MAX_CHANGES} changes`);
  const read = new Map<string, ReadChange>();
  let bytes = 0;
  for (const { path, content, mode } of changes) {
    checkPath(path);
    if (read.has(path)) throw new GloveboxError("invalid_argument", "two changes of one file", { details: { path } });
    // Checked before it is decoded: decoding takes memory.
    bytes += content === null ? 0 : Math.floor(content.length * 0.75);
    if (bytes > MAX_CONTENT) throw tooMuch(`more than ${MAX_CONTENT} bytes`);
    read.set(path, { content: content === null ? null : decode(content, path), mode });
  }
  for (const [path, { content }] of read) if (content !== null) checkFolders(path, read);
  return read;
}

export interface ReadChange {
  readonly content: Buffer | null;
  readonly mode: FileChange["mode"];
}

function checkPath(path: string): void {
  const names = path.split("/");
  const isPlain =
    path.isWellFormed() &&
    Buffer.byteLength(path) <= MAX_PATH &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
    !/[\x00-\x1f\x7f\\]/.test(path) &&
    names.every((name) => name !== "" && name !== "." && name !== ".." && Buffer.byteLength(name) <= MAX_NAME);
  if (!isPlain)
    throw new GloveboxError("invalid_path", "not the path of a file in a repository", { details: { path } });
}

/** Nothing that is to be there is a file for one change and a folder for another. */
function checkFolders(path: string, all: ReadonlyMap<string, ReadChange>): void {
  for (let at = path.indexOf("/"); at !== -1; at = path.indexOf("/", at + 1)) {
    const above = all.get(path.slice(0, at))?.content ?? null;
    if (above !== null) {
      throw new GloveboxError("invalid_argument", "a file cannot be a folder as well", { details: { path } });
    }
  }
}

function decode(content: string, path: string): Buffer {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(content) || content.length % 4 !== 0) {
    throw new GloveboxError("invalid_argument", "the content is not base64", { details: { path } });
  }
  return Buffer.from(content, "base64");
}

function tooMuch(what: string): GloveboxError {
  return new GloveboxError("payload_too_large", `a commit with ${what}`);
}
