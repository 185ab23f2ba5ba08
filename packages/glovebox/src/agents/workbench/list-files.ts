import { GloveboxError } from "../../core/index.ts";
import type { RepositoryBench } from "./repository-bench.ts";
import { byPath, isRepositoryPath, REPOSITORY_LIMITS, type RepositoryFile } from "./repository-tree.ts";

/** Of a listing, bytes; more than 20,000 files with long names have. */
const MAX_LISTING = 64 << 20;

/**
 * Arguments: the root, the file for the list, and what is left out. Two passes: modes and sizes, then hashes; a record with nothing in it stands between them.
 * Only regular files: nothing that a read could wait for, and nothing that leads elsewhere. A folder that cannot be looked into is an error; files that are gone, or
 * cannot be read, have no hash.
 */
const SCRIPT = `cd "$1" || exit 3
list=$2; shift 2
for path; do set -- "$@" -o -path "./$path"; shift; done
export LC_ALL=C
{
  find . '(' -name .git "$@" ')' -prune -o -type f -printf '%m %s %p\\0' || exit 4
  printf '\\0'
  find . '(' -name .git "$@" ')' -prune -o -type f -exec sha256sum -b -z -- {} +
} > "$list" 2> /dev/null
exit 0`;

/** The repository's regular files as they are now, sorted; they are listed only when something can have changed them since. `leaveOut`: folders that are not looked into. `payload_too_large` for more than 20,000. */
export async function listFiles(
  bench: RepositoryBench,
  leaveOut: readonly string[],
): Promise<readonly RepositoryFile[]> {
  const known = bench.known.get(leaveOut);
  if (known !== undefined) return known;
  const keep = bench.known.listing(leaveOut);
  const list = bench.scratch("list");
  const patterns = leaveOut.map((path) => path.replaceAll(/[\\*?[\]]/g, "\\$&"));
  const { exitCode } = await bench.look(["/bin/sh", "-c", SCRIPT, "sh", bench.root, list, ...patterns], { cwd: "/" });
  if (exitCode !== 0) throw new GloveboxError("unavailable", "the repository's files cannot be listed in this sandbox");
  const listing = (await bench.readBytes(list, MAX_LISTING)).toString("utf8");
  await bench.removeBeside(list);
  const files = readListing(listing);
  keep(files);
  return files;
}

/** Exported for its tests. What does not fit is left out: whoever wrote it had the whole folder in its hands anyway. */
export function readListing(listing: string): readonly RepositoryFile[] {
  const cut = listing.indexOf("\0\0");
  const seen = new Map<string, { readonly mode: number; readonly size: number }>();
  for (const record of cut < 0 ? [] : listing.slice(0, cut).split("\0")) {
    const [, mode = "", size = "", path] = /^([0-7]{1,5}) (\d{1,15}) \.\/([\s\S]+)$/.exec(record) ?? [];
    if (path !== undefined) seen.set(path, { mode: Number.parseInt(mode, 8), size: Number(size) });
  }
  const files: RepositoryFile[] = [];
  for (const record of listing.slice(cut + 2).split("\0")) {
    const [, hash = "", path = ""] = /^([0-9a-f]{64}) [ *]\.\/([\s\S]+)$/.exec(record) ?? [];
    const found = seen.get(path);
    // One that came or went between the passes, and names that no diff can carry.
    if (found === undefined || !isRepositoryPath(path)) continue;
    files.push({ path, size: found.size, hash, mode: (found.mode & 0o100) === 0 ? 0o644 : 0o755 });
    if (files.length <= REPOSITORY_LIMITS.treeFiles) continue;
    throw new GloveboxError("payload_too_large", `the repository has more than ${REPOSITORY_LIMITS.treeFiles} files`);
  }
  return files.sort(byPath);
}
