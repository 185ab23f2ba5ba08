import { createReadStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import tar, { type Header, type Pack } from "tar-stream";
import type { GitRemote } from "../forge.ts";
import type { GitCache } from "./git-cache.ts";
import type { GitRepository } from "./git-repository.ts";
import { type HistoryOptions, packHistory } from "./history.ts";
import { fetchLfs, type LfsPointer, lfsPath, MAX_POINTER_BYTES, pointerOf } from "./lfs.ts";
import { submodulesOf } from "./submodules.ts";

export interface WholeArchiveOptions {
  /** `recursive`: and theirs. */
  readonly submodules: boolean | "recursive";
  /** Large files instead of what stands for them. */
  readonly lfs: boolean;
  /** A `.git` of its own; of the repository itself, not of its submodules. */
  readonly history?: HistoryOptions;
  readonly signal: AbortSignal;
}

/** One repository's files within the archive. */
interface Part {
  readonly git: GitRepository;
  readonly remote: GitRemote;
  readonly commit: string;
  readonly prefix: string;
}

const MAX_DEPTH = 5;
/** Of one large file, bytes. */
const MAX_LFS_BYTES = 2 * 2 ** 30;

/**
 * A tar of a commit that is here, with its submodules and large files where asked. All of it is fetched before the first byte comes. Errors: those of
 * `GitRepository.ensure`, `permission_denied` for submodules of other hosts.
 */
export async function wholeArchive(
  cache: GitCache,
  root: Omit<Part, "prefix">,
  options: WholeArchiveOptions,
): Promise<AsyncIterable<Uint8Array>> {
  const { submodules, lfs, signal, history } = options;
  if (submodules === false && !lfs && history === undefined) return root.git.archive(root.commit, { signal });
  const whole = { ...root, prefix: "" };
  const parts = submodules === false ? [whole] : await withSubmodules(cache, whole, options, 1);
  if (lfs) for (const part of parts) await fetchLargeFiles(part, signal);
  const folder = history && (await root.git.history(root.remote, root.commit, { ...history, signal }));
  const pack = tar.pack();
  const packing = packAll(pack, parts, options, folder)
    .catch((error: unknown) => pack.destroy(error as Error))
    .finally(() => folder && rm(folder, { recursive: true, force: true }));
  return (async function* () {
    try {
      yield* pack as AsyncIterable<Uint8Array>;
    } finally {
      pack.destroy();
      await packing;
    }
  })();
}

async function withSubmodules(
  cache: GitCache,
  part: Part,
  options: WholeArchiveOptions,
  depth: number,
): Promise<readonly Part[]> {
  const { signal, submodules } = options;
  const parts = [part];
  for (const { path, commit, remote } of await submodulesOf(part.git, part.remote, part.commit, signal)) {
    const git = await cache.repository(`public:${remote.url.toLowerCase()}`);
    await git.ensure(remote, commit, { signal });
    const inner = { git, remote, commit, prefix: `${part.prefix}${path}/` };
    const isDeep = submodules === "recursive" && depth < MAX_DEPTH;
    parts.push(...(isDeep ? await withSubmodules(cache, inner, options, depth + 1) : [inner]));
  }
  return parts;
}

/** Looks through the small files once for what stands for large ones. */
async function fetchLargeFiles({ git, remote, commit }: Part, signal: AbortSignal): Promise<void> {
  const pointers: LfsPointer[] = [];
  await eachEntry(git, commit, signal, async (header, content) => {
    const pointer = isPointerSized(header) ? pointerOf(await buffer(content)) : undefined;
    if (pointer !== undefined) pointers.push(pointer);
  });
  if (pointers.length === 0) return;
  await fetchLfs(pointers, { folder: lfsFolder(git), remote, maxBytes: MAX_LFS_BYTES, signal });
}

async function packAll(
  pack: Pack,
  parts: readonly Part[],
  { lfs, signal }: WholeArchiveOptions,
  history: string | undefined,
): Promise<void> {
  for (const { git, commit, prefix } of parts) {
    await eachEntry(git, commit, signal, async (header, content) => {
      const named = { ...header, name: `${prefix}${header.name}` };
      if (!lfs || !isPointerSized(header)) return await add(pack, named, content);
      const small = await buffer(content);
      const pointer = pointerOf(small);
      if (pointer === undefined) return await add(pack, named, Readable.from([small]));
      const large = createReadStream(lfsPath(lfsFolder(git), pointer));
      await add(pack, { ...named, size: pointer.size }, large);
    });
  }
  if (history !== undefined) await packHistory(pack, history);
  pack.finalize();
}

async function add(pack: Pack, header: Header, content: Readable): Promise<void> {
  // What an entry says of itself in an extended header comes along with its fields; the block itself is made anew.
  const { pax: _pax, ...plain } = header;
  if (header.type === "file" && (header.size ?? 0) > 0) return await pipeline(content, pack.entry(plain));
  content.resume();
  await new Promise<void>((resolve, reject) => pack.entry(plain, "", (error) => (error ? reject(error) : resolve())));
}

async function eachEntry(
  git: GitRepository,
  commit: string,
  signal: AbortSignal,
  work: (header: Header, content: Readable) => Promise<void>,
): Promise<void> {
  const extract = tar.extract();
  const reading = pipeline(Readable.from(git.archive(commit, { signal })), extract);
  reading.catch(() => {}); // the loop below says so too
  for await (const entry of extract) {
    const content = entry as unknown as Readable;
    await work(entry.header, content);
    content.resume();
  }
  await reading;
}

function isPointerSized({ type, size = 0 }: Header): boolean {
  return type === "file" && size > 0 && size < MAX_POINTER_BYTES;
}

function lfsFolder(git: GitRepository): string {
  return join(git.folder, "glovebox-lfs");
}
