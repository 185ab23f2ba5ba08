import { mergeThreeWay } from "../../context/index.ts";
import { isGloveboxError } from "../../core/index.ts";
import type { Diff } from "../messages/diff.ts";
import { AppliedBefore } from "./applied-before.ts";
import { applyHunks } from "./apply-hunks.ts";
import { hashOf } from "./make-diff.ts";
import { type FilePatch, parseDiff } from "./parse-diff.ts";
import type { RepositoryBench } from "./repository-bench.ts";

export interface AppliedFile {
  readonly path: string;
  /** `unchanged`: it was so already. */
  readonly action: "created" | "modified" | "deleted" | "unchanged";
  /** The file had changed since the diff was made, and both changes are in it now. */
  readonly merged: boolean;
}

export interface ApplyConflict {
  readonly path: string;
  /** For people: why the diff does not fit. */
  readonly reason: string;
  /** Where both changed the same lines. */
  readonly places: readonly {
    readonly line: number;
    readonly ours: string;
    readonly base: string;
    readonly theirs: string;
  }[];
}

/** What came of a diff: with a conflict nothing is changed. */
export interface ApplyReport {
  readonly applied: boolean;
  readonly files: readonly AppliedFile[];
  readonly conflicts: readonly ApplyConflict[];
}

export interface ApplyOptions {
  /** What is done where a file is not what the diff was made from: `merge` (default) both changes, or `refuse`. */
  readonly onDrift?: "merge" | "refuse";
}

/** Finds the text that a diff was made from, by its hash. */
export type FindBase = (path: string, hash: string) => Promise<string | undefined>;

const MAX_PLACES = 20;
/** Lines around its place where a change is looked for in a file that has changed. */
const NEARBY = 1_000;
const DRIFT = "the file is not what the diff was made from";

/** A file as it is to be. */
interface Planned {
  readonly applied: AppliedFile;
  /** It is so already. */
  readonly isSame: boolean;
  /** `null`: it goes. */
  readonly content: string | null;
  readonly mode: number;
  /** As it was, for the case that another cannot be written. */
  readonly before: { readonly content: string; readonly mode: number } | undefined;
}

/** Applies a diff to the repository, whole or not at all. */
export async function applyDiff(
  bench: RepositoryBench,
  diff: Diff,
  { onDrift = "merge", findBase }: ApplyOptions & { readonly findBase: FindBase },
): Promise<ApplyReport> {
  const earlier = await AppliedBefore.read(bench);
  const hashes = new Map(diff.files.map((file) => [file.path, file]));
  const planned: Planned[] = [];
  const conflicts: ApplyConflict[] = [];
  for (const patch of parseDiff(diff.text)) {
    const declared = hashes.get(patch.path);
    const plan = await planFile(bench, patch, { declared, onDrift, findBase, earlier });
    if ("reason" in plan) conflicts.push(plan);
    else planned.push(plan);
    hashes.delete(patch.path);
  }
  for (const path of hashes.keys()) conflicts.push(conflict(path, "the diff names the file and does not change it"));
  const isClean = conflicts.length === 0;
  if (isClean) await write(bench, planned, earlier);
  return { applied: isClean, files: isClean ? planned.map(({ applied }) => applied) : [], conflicts };
}

interface PlanParts extends Required<ApplyOptions> {
  readonly declared: Diff["files"][number] | undefined;
  readonly findBase: FindBase;
  readonly earlier: AppliedBefore;
}

async function planFile(bench: RepositoryBench, patch: FilePatch, parts: PlanParts): Promise<Planned | ApplyConflict> {
  const { path } = patch;
  const before = await readIfAny(bench, path);
  if (before === "no text") return conflict(path, "there is something that is no text file");
  const current = before?.content ?? null;
  const { declared, earlier } = parts;
  const done = earlier.find(path, before);
  if (done !== undefined) return { applied: done, isSame: true, content: current, mode: before?.mode ?? 0o644, before };
  const fresh = await contentAfter(current, patch, parts);
  if (typeof fresh === "object" && fresh !== null && "reason" in fresh) return fresh;
  const { content, merged } = fresh;
  if (declared !== undefined && !merged && current !== content && hashOf(content) !== declared.newHash) {
    return conflict(path, "the diff does not make of the file what it says");
  }
  const mode = patch.mode === undefined ? (before?.mode ?? 0o644) : patch.mode === "100755" ? 0o755 : 0o644;
  const isSame = content === current && (content === null || mode === before?.mode);
  const action = isSame ? "unchanged" : content === null ? "deleted" : current === null ? "created" : "modified";
  return { applied: { path, action, merged }, isSame, content, mode, before };
}

type Fresh = { readonly content: string | null; readonly merged: boolean };

async function contentAfter(
  current: string | null,
  patch: FilePatch,
  { declared, onDrift, findBase }: PlanParts,
): Promise<Fresh | ApplyConflict> {
  const { path } = patch;
  const now = hashOf(current);
  // Done already: by an attempt that a crash cut short, or by somebody with the same idea.
  if (declared !== undefined && now === declared.newHash && now !== declared.baseHash)
    return { content: current, merged: false };
  const hasDrifted =
    declared !== undefined ? now !== declared.baseHash : (patch.kind === "create") !== (current === null);
  if (!hasDrifted) {
    const content = patched(current, patch);
    return content === undefined ? conflict(path, DRIFT) : { content, merged: false };
  }
  if (onDrift === "refuse" || current === null || patch.kind === "delete" || patch.kind === "create") {
    return conflict(path, current === null ? "the file is not there" : DRIFT);
  }
  const base = declared?.baseHash == null ? undefined : await findBase(path, declared.baseHash);
  const theirs = base === undefined ? undefined : patched(base, patch);
  if (base === undefined || theirs == null) {
    const content = applyHunks(current, patch.hunks, { within: NEARBY });
    return content === undefined ? conflict(path, DRIFT) : { content, merged: true };
  }
  const { content, conflicts } = mergeThreeWay(base, current, theirs, { ours: "repository", theirs: "diff" });
  if (conflicts.length === 0) return { content, merged: true };
  return { path, reason: "both changed the same lines", places: conflicts.slice(0, MAX_PLACES) };
}

/** `undefined`: it does not fit. */
function patched(before: string | null, patch: FilePatch): string | null | undefined {
  const after = applyHunks(before ?? "", patch.hunks);
  if (patch.kind !== "delete") return after;
  return after === "" || (patch.hunks.length === 0 && before !== null) ? null : undefined;
}

async function readIfAny(bench: RepositoryBench, path: string) {
  try {
    const files = await bench.sandbox.files();
    const { mode } = await files.stat(`${bench.root}/${path}`, { signal: bench.signal });
    return { content: await bench.readFile(path), mode: (mode & 0o100) === 0 ? 0o644 : 0o755 };
  } catch (error) {
    if (isGloveboxError(error, "not_found")) return (await isThere(bench, path)) ? "no text" : undefined;
    if (isGloveboxError(error, "invalid_argument") || isGloveboxError(error, "payload_too_large")) return "no text";
    throw error;
  }
}

/** Also a link that leads nowhere, a folder, a pipe. */
async function isThere(bench: RepositoryBench, path: string): Promise<boolean> {
  const files = await bench.sandbox.files();
  return files.stat(`${bench.root}/${path}`, { signal: bench.signal }).then(
    () => true,
    () => false,
  );
}

/** Lays everything ready beside the repository before the first file of it changes; what fails then is taken back. */
async function write(bench: RepositoryBench, planned: readonly Planned[], earlier: AppliedBefore): Promise<void> {
  const files = await bench.sandbox.files();
  const stage = bench.scratch("stage");
  const changing = planned.filter(({ isSame }) => !isSame);
  const done: Planned[] = [];
  try {
    for (const [index, { content, mode }] of changing.entries()) {
      if (content !== null) await bench.writeFile(`${stage}/${index}`, content, { mode });
    }
    await earlier.keep(planned);
    for (const [index, plan] of changing.entries()) {
      const path = `${bench.root}/${plan.applied.path}`;
      done.push(plan);
      if (plan.content === null) await files.remove(path, { signal: bench.signal });
      else {
        const parent = path.slice(0, path.lastIndexOf("/"));
        await files.mkdir(parent, { parents: true, signal: bench.signal });
        await files.rename(`${stage}/${index}`, path, bench.signal);
      }
    }
  } catch (error) {
    if (!bench.signal.aborted) await takeBack(bench, done);
    throw error;
  } finally {
    if (!bench.signal.aborted) await files.remove(stage, { recursive: true }).catch(() => {});
  }
}

async function takeBack(bench: RepositoryBench, done: readonly Planned[]): Promise<void> {
  const files = await bench.sandbox.files();
  for (const { applied, before } of done.toReversed()) {
    if (before !== undefined) await bench.writeFile(applied.path, before.content, { mode: before.mode });
    else await files.remove(`${bench.root}/${applied.path}`).catch(() => {}); // not made yet
  }
}

function conflict(path: string, reason: string): ApplyConflict {
  return { path, reason, places: [] };
}
