import { createHash } from "node:crypto";
import { posix } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract, type Header, pack } from "tar-stream";
import { GloveboxError } from "../../core/index.ts";
import {
  byPath,
  checkRepositoryPath,
  isRepositoryPath,
  REPOSITORY_LIMITS,
  type RepositoryFile,
  type SkippedFile,
} from "./repository-tree.ts";

const MAX_SKIPPED = 100;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const ODD = /[\x01-\x08\x0a-\x1f\x7f\ufffd]/g;

export interface ReadArchive {
  /** The same files and links as a tar of ours: what is in it is safe to unpack. */
  readonly tar: AsyncIterable<Uint8Array>;
  /** What was in it. To be asked for once the tar was read to its end. */
  taken(): { readonly files: readonly RepositoryFile[]; readonly skipped: readonly SkippedFile[] };
}

interface Taking {
  readonly include: readonly string[];
  readonly files: RepositoryFile[];
  readonly skipped: SkippedFile[];
  readonly seen: Set<string>;
  bytes: number;
}

/**
 * Reads a tar of a repository that nobody has looked at. Links that lead out of it, devices and the like are left out and named. Errors, while the tar is
 * read: `invalid_path` for names that lead out or into `.git`, `invalid_argument` for what is no tar, `payload_too_large` beyond {@link REPOSITORY_LIMITS}.
 * `include`: folders whose files are unpacked but belong to no tree.
 */
export function readArchive(source: AsyncIterable<Uint8Array>, include: readonly string[]): ReadArchive {
  const taking: Taking = { include, files: [], skipped: [], seen: new Set(), bytes: 0 };
  return {
    tar: rewrite(source, taking),
    taken: () => ({ files: taking.files.toSorted(byPath), skipped: taking.skipped }),
  };
}

async function* rewrite(source: AsyncIterable<Uint8Array>, taking: Taking): AsyncGenerator<Uint8Array> {
  const out = pack();
  const entries = extract();
  const reading = pipeline(Readable.from(source), entries);
  reading.catch(() => {}); // the loop says so too
  const work = (async () => {
    try {
      for await (const entry of entries) {
        const content = entry as unknown as Readable;
        await take(entry.header, content, { out, taking });
        content.resume();
      }
      await reading;
      out.finalize();
    } catch (error) {
      out.destroy(error instanceof GloveboxError ? error : noTar(error));
    }
  })();
  try {
    yield* out as AsyncIterable<Uint8Array>;
  } finally {
    out.destroy();
    entries.destroy();
    await work;
  }
}

async function take(
  header: Header,
  content: Readable,
  { out, taking }: { readonly out: ReturnType<typeof pack>; readonly taking: Taking },
): Promise<void> {
  const { type } = header;
  if (type === "directory") return;
  const path = header.name;
  // A name that diffs cannot carry is no attack.
  if (isOddName(path)) return skip(taking, path, "name");
  checkRepositoryPath(path);
  if (taking.seen.has(path)) throw new GloveboxError("invalid_path", `${path} is in the archive twice`);
  taking.seen.add(path);
  taking.bytes += header.size ?? 0;
  if (taking.seen.size > REPOSITORY_LIMITS.files || taking.bytes > REPOSITORY_LIMITS.bytes) throw tooLarge();
  const mode = ((header.mode ?? 0) & 0o100) === 0 ? 0o644 : 0o755;
  if (type === "symlink") {
    const linkname = header.linkname ?? "";
    if (!staysInside(path, linkname)) skip(taking, path, "link_out");
    else out.entry({ name: path, type: "symlink", linkname, mode: 0o777, mtime: new Date(0) });
    return;
  }
  if (type !== "file" && type !== "contiguous-file") return skip(taking, path, "special");
  const size = header.size ?? 0;
  const hash = createHash("sha256");
  content.on("data", (piece: Uint8Array) => hash.update(piece));
  const entry = { name: path, type: "file" as const, size, mode, mtime: new Date(0) };
  if (size === 0) out.entry(entry, "");
  else await pipeline(content, out.entry(entry));
  if (isWithin(path, taking.include)) return;
  if (taking.files.length >= REPOSITORY_LIMITS.treeFiles) throw tooLarge();
  taking.files.push({ path, size, hash: hash.digest("hex"), mode });
}

function skip(taking: Taking, path: string, reason: SkippedFile["reason"]): void {
  if (taking.skipped.length < MAX_SKIPPED) taking.skipped.push({ path, reason });
}

/** Whether a path is one of `folders`, or below one. */
export function isWithin(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => path === folder || path.startsWith(`${folder}/`));
}

function staysInside(path: string, target: string): boolean {
  if (target === "" || target.startsWith("/")) return false;
  const end = posix.join(posix.dirname(path), target).replace(/\/$/, "");
  return end === "." || isRepositoryPath(end);
}

function isOddName(path: string): boolean {
  return isRepositoryPath(path.replaceAll(ODD, "_")) && !isRepositoryPath(path);
}

function tooLarge(): GloveboxError {
  const { files, treeFiles, bytes } = REPOSITORY_LIMITS;
  const most = `${treeFiles} files (${files} with what is included) and ${bytes} bytes`;
  return new GloveboxError("payload_too_large", `a repository may have ${most}`);
}

function noTar(cause: unknown): GloveboxError {
  return new GloveboxError("invalid_argument", "this is no tar archive that can be read", { cause });
}
