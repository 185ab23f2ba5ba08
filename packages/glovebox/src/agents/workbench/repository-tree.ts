import { z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import { RepositoryPath } from "../messages/parts.ts";

/** A regular file of the repository. */
export interface RepositoryFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** SHA-256 of its content, hex. */
  readonly hash: string;
  /** Permission bits; of them only the right to execute counts as part of a change. */
  readonly mode: number;
}

export interface SkippedFile {
  readonly path: string;
  readonly reason: "link_out" | "special" | "name";
}

/** The repository as it is: regular files, sorted by path. Links are there, but belong to no tree. */
export interface RepositoryTree {
  readonly files: readonly RepositoryFile[];
  /** The commit that it was opened at, where it is known. */
  readonly head?: string;
  /** It was opened with changes that are in no commit. */
  readonly dirty: boolean;
}

export const REPOSITORY_LIMITS = {
  /** Of a repository, with what is included. */
  files: 100_000,
  bytes: 1 << 30,
  /** Of a tree that is compared, without what is included. */
  treeFiles: 20_000,
  /** Of a file that is read or changed as text. */
  textBytes: 1 << 20,
} as const;

const GIT = /^(?:\.git[ .]*|git~\d+)$/i;

/** Whether a name may be a file's of a repository: relative, without `.` and `..`, no control characters but tabs, nothing of git's own. */
export function isRepositoryPath(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (!RepositoryPath.safeParse(path).success || /[\x00-\x08\x0a-\x1f\x7f\ufffd]/.test(path)) return false;
  return !path.split("/").some((part) => GIT.test(part));
}

/** `invalid_path` for what is no path of a repository. */
export function checkRepositoryPath(path: string): void {
  if (isRepositoryPath(path)) return;
  throw new GloveboxError("invalid_path", `${JSON.stringify(path.slice(0, 200))} is no path of a repository's file`, {
    details: { path: path.slice(0, 1_024) },
  });
}

/** Paths in the one order that everything here has: by their UTF-16 units. */
export function byPath<T extends { readonly path: string }>(a: T, b: T): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

/** Where an agent's repository comes from. */
export const RepositorySource = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("folder"),
    /** Of a git repository on the server's machine, absolute. Its working copy is taken: files that git knows, and those that it does not ignore. */
    path: z
      .string()
      .regex(/^\/[^\0]*$/)
      .max(4_096),
    /** Ignored files and folders that come along, e.g. `node_modules`. They are there for tools, and never part of a change. */
    include: z.array(RepositoryPath).max(100).optional(),
  }),
  z.strictObject({
    kind: z.literal("repository"),
    /** Of a repository that the server knows. */
    repositoryId: z.string().min(1).max(100),
    /** A branch, a tag or a full commit id. Default: the repository's own branch. */
    ref: z.string().min(1).max(512).optional(),
  }),
  z.strictObject({
    kind: z.literal("archive"),
    /** Of an uncompressed tar in the blob store. */
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    /** The commit that it was made of, where the sender knows it. */
    head: z
      .string()
      .regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/)
      .optional(),
    /** It differs from that commit. Default: it does unless `head` is given. */
    dirty: z.boolean().optional(),
    include: z.array(RepositoryPath).max(100).optional(),
  }),
]);
export type RepositorySource = z.infer<typeof RepositorySource>;
