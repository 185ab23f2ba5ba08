import { mergeThreeWay } from "../../context/index.ts";
import type { Diff } from "../messages/diff.ts";
import { applyHunks } from "../workbench/apply-hunks.ts";
import { hashOf } from "../workbench/make-diff.ts";
import { type FilePatch, parseDiff } from "../workbench/parse-diff.ts";

type Place = ReturnType<typeof mergeThreeWay>["conflicts"][number];

export interface NamedDiff {
  readonly id: string;
  readonly diff: Diff;
}

/** Texts by path; null: there is none. */
export type Texts = ReadonlyMap<string, string | null>;

/** Why a diff cannot be taken along. */
export interface DiffConflict {
  readonly id: string;
  readonly path: string;
  readonly reason: string;
  /** Where both changed the same lines. */
  readonly places: readonly Place[];
  /** With marks at those places. */
  readonly marked?: string;
}

export interface MergeReport {
  readonly texts: Texts;
  readonly taken: readonly string[];
  /** Of each that was left out, as a whole: nothing of it is in the texts. */
  readonly conflicts: readonly DiffConflict[];
}

/** How the conflicts of a diff are resolved; undefined: they stay. */
export type Resolve = (conflicts: readonly DiffConflict[]) => Promise<Texts | undefined>;

/** Joins diffs that were made from the same texts, in the order in which they come: each whole or not at all. */
export async function mergeDiffs(base: Texts, diffs: readonly NamedDiff[], resolve: Resolve): Promise<MergeReport> {
  const texts = new Map(base);
  const taken: string[] = [];
  const left: DiffConflict[] = [];
  for (const named of diffs) {
    const { changed, conflicts } = tryDiff(base, texts, named);
    const resolved = conflicts.length === 0 ? new Map() : await resolve(conflicts);
    if (resolved === undefined) {
      left.push(...conflicts);
      continue;
    }
    for (const [path, text] of [...changed, ...resolved]) texts.set(path, text);
    taken.push(named.id);
  }
  return { texts, taken, conflicts: left };
}

function tryDiff(base: Texts, now: Texts, { id, diff }: NamedDiff) {
  const changed = new Map<string, string | null>();
  const conflicts: DiffConflict[] = [];
  const declared = new Map(diff.files.map((file) => [file.path, file]));
  for (const patch of parseDiff(diff.text)) {
    const { path } = patch;
    const was = base.get(path) ?? null;
    const fail = (reason: string) => conflicts.push({ id, path, reason, places: [] });
    const wanted = patched(was, patch);
    const current = now.get(path) ?? null;
    const hashes = declared.get(path);
    if (hashes === undefined || hashes.baseHash !== hashOf(was)) fail("it was made from another version");
    else if (wanted === undefined || hashOf(wanted) !== hashes.newHash)
      fail("it does not make of the file what it says");
    else if (current === was || current === wanted) changed.set(path, wanted);
    else if (was === null) fail("both create the file");
    else if (wanted === null || current === null) fail("one deletes what the other changes");
    else {
      const merged = mergeThreeWay(was, current, wanted, { ours: "merged", theirs: id });
      if (merged.conflicts.length === 0) changed.set(path, merged.content);
      else {
        const reason = "both change the same lines";
        conflicts.push({ id, path, reason, places: merged.conflicts, marked: merged.content });
      }
    }
  }
  return { changed, conflicts };
}

/** `undefined`: it does not fit. */
function patched(before: string | null, { kind, hunks }: FilePatch): string | null | undefined {
  const after = applyHunks(before ?? "", hunks);
  return kind === "delete" && after === "" ? null : after;
}

/** A marked text with each place replaced, in order. `undefined` when there are not as many as places, or a mark is left. */
export function resolvePlaces({ id, places, marked = "" }: DiffConflict, texts: readonly string[]): string | undefined {
  if (texts.length !== places.length) return undefined;
  const lines = marked.split("\n");
  for (const [at, place] of [...places.entries()].toReversed()) {
    const start = place.line - 1;
    const end = lines.indexOf(`>>>>>>> ${id}`, start);
    const text = texts[at] ?? "";
    if (end === -1 || /^(?:<{7}|={7}|>{7})(?: |$)/m.test(text)) return undefined;
    lines.splice(start, end - start + 1, ...(text === "" ? [] : text.replace(/\n$/, "").split("\n")));
  }
  return lines.join("\n");
}
