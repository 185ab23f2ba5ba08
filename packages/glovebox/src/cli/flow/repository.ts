import { execFile } from "node:child_process";
import { realpath } from "node:fs/promises";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import type { FlowRun, Glovebox, RepositorySource } from "@glovebox/sdk";
import { UsageError } from "../failure.ts";

const run = promisify(execFile);
const AUTHOR = { name: "Glovebox", email: "flows@glovebox.invalid" };

/** The caller's repository, as it is sent. */
export interface LocalRepository {
  readonly root: string;
  readonly source: RepositorySource;
  /** The commit that is checked out; absent: there is none yet. */
  readonly head?: string;
  /** The working copy differs from it. */
  readonly dirty: boolean;
}

/** Sends the working copy that `folder` is in. Errors: `usage` where there is no git repository. */
export async function sendRepository(
  box: Glovebox,
  folder: string,
  include: readonly string[],
  signal: AbortSignal,
): Promise<LocalRepository> {
  const { openWorkingCopy } = await import("../../forges/index.ts");
  const root = await rootOf(folder);
  const copy = await openWorkingCopy(root, { signal, include });
  const { sha256 } = await box.flows.upload(Readable.toWeb(Readable.from(copy.tar)) as ReadableStream<Uint8Array>, {
    signal,
  });
  const { head } = copy;
  const dirty = copy.isDirty();
  return {
    root,
    dirty,
    source: {
      kind: "archive",
      sha256,
      dirty,
      ...(head !== undefined && { head }),
      ...(include.length > 0 && { include: [...include] }),
    },
    ...(head !== undefined && { head }),
  };
}

async function rootOf(folder: string): Promise<string> {
  try {
    const path = await realpath(folder);
    return (await git(path, "rev-parse", "--show-toplevel")).trim();
  } catch {
    throw new UsageError(`${folder} is no git repository`, "name one with --repo, or make it one: git init");
  }
}

/**
 * Commits what a flow changed on a branch of the caller's repository, without touching what is checked out: the same change gives the same commit. `undefined`, and why, where
 * that cannot be said of a commit. Errors: `conflict` when the branch is something else.
 */
export async function commitOnBranch(
  { root, head, dirty }: LocalRepository,
  view: FlowRun,
  name: string | undefined,
): Promise<{ readonly branch?: string; readonly why?: string }> {
  if (view.branch === null || view.changes.length === 0) return {};
  if (head === undefined) return { why: "the repository has no commit yet: there is a diff, and no branch" };
  if (dirty) return { why: "the working copy has changes that are in no commit: there is a diff, and no branch" };
  const [{ commitChanges }, { commitMessage }] = await Promise.all([
    import("../../forges/index.ts"),
    import("../../agents/index.ts"),
  ]);
  const branch = name ?? view.branch;
  await commitChanges(root, {
    base: head,
    changes: view.changes.map(({ path, content, mode }) => ({ path, content, ...(mode !== undefined && { mode }) })),
    message: commitMessage(view.flow, view),
    author: AUTHOR,
    branch,
    signal: new AbortController().signal,
  });
  return { branch };
}

/** A repository that the server knows. Errors: `not_found`. */
export async function knownRepository(box: Glovebox, name: string, ref: string | undefined): Promise<RepositorySource> {
  const { findRepository } = await import("../ci/repo.ts");
  const { id: repositoryId } = await findRepository(box, name);
  return { kind: "repository", repositoryId, ...(ref !== undefined && { ref }) };
}

/** Applies a flow's diff to the working copy, whole or not at all. Errors: `conflict` when it has changed since it was sent. */
export async function applyToWorkingCopy({ root }: LocalRepository, { diff }: FlowRun): Promise<void> {
  if (diff === "") return;
  const child = run("git", ["-C", root, "apply", "--whitespace=nowarn", "-"]);
  child.child.stdin?.end(diff);
  try {
    await child;
  } catch (error) {
    const { GloveboxError } = await import("../../core/index.ts");
    const said =
      error instanceof Error && "stderr" in error ? String(error.stderr).trim().slice(0, 1_000) : String(error);
    throw new GloveboxError("conflict", `the diff does not apply to the working copy: ${said}`, { cause: error });
  }
}

async function git(root: string, ...words: string[]): Promise<string> {
  return (await run("git", ["-C", root, ...words])).stdout;
}
