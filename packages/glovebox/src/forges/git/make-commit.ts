import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GloveboxError } from "../../core/index.ts";
import { type FileChange, type ReadChange, readChanges } from "./file-change.ts";
import { runGit } from "./git-process.ts";

export interface CommitRequest {
  /** The commit that the new one follows, by its full id. It must be there. */
  readonly base: string;
  readonly changes: readonly FileChange[];
  /** 64 KiB at most. */
  readonly message: string;
  /** Also the committer. */
  readonly author: { readonly name: string; readonly email: string };
  /** Milliseconds since the epoch, cut to seconds; default: when the base was committed. The same request gives the same commit, id and all. */
  readonly dateMs?: number;
  readonly signal: AbortSignal;
}

const MAX_MESSAGE = 65_536;
const MAX_PERSON = 200;
/**
 * Makes a commit out of a commit and changes, among a repository's objects and nowhere else: no branch, no working copy, no hook, no filter has a part
 * in it. Resolves to its id. Errors: those of `readChanges`; `invalid_argument` for a removed file that is not there, for changes that change nothing, and
 * where a file would have to be a folder as well; `invalid_path` for what git does not take; `not_found` without the base.
 */
export async function makeCommit(gitDir: string, request: CommitRequest): Promise<string> {
  const { base, message, signal } = request;
  if (!/^[0-9a-f]{40}$/.test(base)) throw invalid("a commit is named by its full id, 40 hexadecimal digits");
  if (message.trim() === "" || message.includes("\0") || Buffer.byteLength(message) > MAX_MESSAGE) {
    throw invalid(`a message has 1 to ${MAX_MESSAGE} bytes`);
  }
  const changes = readChanges(request.changes);
  const env = personOf(request.author, request.dateMs ?? (await dateOf(gitDir, base, signal)));
  const folder = await mkdtemp(join(tmpdir(), "glovebox-commit-"));
  try {
    const git = async (args: readonly string[], input?: string) => {
      const index = { GIT_INDEX_FILE: join(folder, "index") };
      const given = input === undefined ? {} : { input };
      const printed = await runGit({ args, gitDir, env: { ...env, ...index }, signal, ...given });
      return printed.toString("utf8");
    };
    await git(["read-tree", `${base}^{commit}`]);
    await stage(git, folder, changes);
    // The objects of others need not all be there: those of the changes are, they were just made.
    const tree = (await git(["write-tree", "--missing-ok"])).trim();
    await checkTree(git, { base, tree, changes });
    const text = message.endsWith("\n") ? message : `${message}\n`;
    return (await git(["commit-tree", tree, "-p", base, "-F", "-"], text)).trim();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Git = (args: readonly string[], input?: string) => Promise<string>;

/** Brings the changes into the index, each content as it is. */
async function stage(git: Git, folder: string, changes: ReadonlyMap<string, ReadChange>): Promise<void> {
  const before = await modesOf(git, [...changes.keys()]);
  const contents: string[] = [];
  for (const { content } of changes.values()) {
    if (content === null) continue;
    const file = join(folder, String(contents.length));
    await writeFile(file, content, { mode: 0o600 });
    contents.push(file);
  }
  const hashed = await git(
    ["hash-object", "-w", "--no-filters", "--stdin-paths"],
    contents.map((name) => `${name}\n`).join(""),
  );
  const ids = hashed.split("\n");
  const lines: string[] = [];
  let at = 0;
  for (const [path, { content, mode }] of changes) {
    const was = before.get(path);
    if (content === null) {
      if (was === undefined) throw invalid("a file that is not there cannot be removed", path);
      lines.push(`0 ${"0".repeat(40)}\t${path}\0`);
      continue;
    }
    const kept = was === "100755" ? was : "100644";
    lines.push(`${mode ?? kept} ${ids[at]}\t${path}\0`);
    at += 1;
  }
  // What goes makes room first: a folder may become a file.
  lines.sort((a, b) => Number(b.startsWith("0 ")) - Number(a.startsWith("0 ")));
  await git(["update-index", "-z", "--index-info"], lines.join(""));
}

/** Of the files that are in the index. */
async function modesOf(git: Git, paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const modes = new Map<string, string>();
  const wanted = new Set(paths);
  for (const line of (await git(["ls-files", "-z", "--stage"])).split("\0")) {
    const [, mode = "", path = ""] = /^(\d{6}) [0-9a-f]+ \d\t(.*)$/s.exec(line) ?? [];
    if (wanted.has(path)) modes.set(path, mode);
  }
  return modes;
}

/** A file put where a folder was takes the folder's place in the index, and the other way round: nothing may go that nobody asked to go. */
async function checkTree(
  git: Git,
  { base, tree, changes }: { base: string; tree: string; changes: ReadonlyMap<string, ReadChange> },
): Promise<void> {
  const files = new Set((await git(["ls-files", "-z"])).split("\0"));
  for (const [path, { content }] of changes) {
    // Left out, with a warning.
    if (content !== null && !files.has(path)) {
      throw new GloveboxError("invalid_path", "git does not take this path", { details: { path } });
    }
  }
  const listed = await git(["diff-tree", "-r", "-z", "--name-only", "--no-renames", `${base}^{tree}`, tree]);
  const paths = listed.split("\0").filter((path) => path !== "");
  if (paths.length === 0) throw invalid("the changes change nothing");
  for (const path of paths) if (!changes.has(path)) throw invalid("a file cannot be a folder as well", path);
}

function personOf({ name, email }: CommitRequest["author"], dateMs: number): Record<string, string> {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  const isPlain = (text: string) => text.trim() !== "" && text.length <= MAX_PERSON && !/[\x00-\x1f\x7f<>]/.test(text);
  if (!isPlain(name) || !isPlain(email)) throw invalid("an author has a name and an address, without < and >");
  if (!Number.isFinite(dateMs) || dateMs < 0 || dateMs > 4e12) throw invalid("dateMs is not a time");
  const date = `@${Math.floor(dateMs / 1000)} +0000`;
  return {
    ...{ GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: email, GIT_AUTHOR_DATE: date },
    ...{ GIT_COMMITTER_NAME: name, GIT_COMMITTER_EMAIL: email, GIT_COMMITTER_DATE: date },
  };
}

/** When a commit was made, milliseconds. `not_found` */
async function dateOf(gitDir: string, commit: string, signal: AbortSignal): Promise<number> {
  const printed = await runGit({ args: ["log", "-1", "--no-show-signature", "--format=%ct", commit], gitDir, signal });
  // Nonsense in it is git's to read; before 1970 there are none.
  return Math.max(0, Number(printed.toString("utf8").trim()) * 1_000);
}

function invalid(message: string, path?: string): GloveboxError {
  return new GloveboxError("invalid_argument", message, path === undefined ? {} : { details: { path } });
}
