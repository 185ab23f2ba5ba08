import { createHash } from "node:crypto";
import { formatPatch, type StructuredPatch, structuredPatch } from "diff";
import { outsideProgram } from "../../engine/index.ts";
import type { Diff } from "../messages/diff.ts";
import { byPath } from "./repository-tree.ts";

/** What becomes of one text file. */
export interface TextChange {
  readonly path: string;
  /** `null`: there was none. */
  readonly before: string | null;
  /** `null`: it goes. */
  readonly after: string | null;
  /** Of the file before and after; default: not executable. */
  readonly mode?: { readonly before?: "100644" | "100755"; readonly after?: "100644" | "100755" };
}

const CONTEXT = 3;
/** Lines that differ, from where on a file is replaced as a whole: looking for the least change takes their square. */
const MAX_EDITS = 5_000;

/** A diff as git has them, by path. The same changes give the same bytes. Files that do not change are left out. */
export function makeDiff(changes: readonly TextChange[]): Diff {
  const changed = changes.filter(({ before, after, mode }) => before !== after || isOtherMode(mode)).sort(byPath);
  return {
    format: "unified",
    text: changed.map(patchText).join(""),
    files: changed.map(({ path, before, after }) => ({ path, baseHash: hashOf(before), newHash: hashOf(after) })),
  };
}

/** SHA-256, hex; of no file `null`. */
export function hashOf(content: string | Uint8Array): string;
export function hashOf(content: string | Uint8Array | null): string | null;
export function hashOf(content: string | Uint8Array | null): string | null {
  return content === null ? null : createHash("sha256").update(content).digest("hex");
}

function isOtherMode(mode: TextChange["mode"]): boolean {
  return (mode?.before ?? "100644") !== (mode?.after ?? "100644");
}

function patchText({ path, before, after, mode = {} }: TextChange): string {
  const oldMode = mode.before ?? "100644";
  const newMode = mode.after ?? "100644";
  const patch: StructuredPatch = {
    oldFileName: before === null ? "/dev/null" : `a/${path}`,
    newFileName: after === null ? "/dev/null" : `b/${path}`,
    oldHeader: undefined,
    newHeader: undefined,
    hunks: hunksOf(before ?? "", after ?? ""),
    isGit: true,
    ...(before === null && { isCreate: true, newMode }),
    ...(after === null && { isDelete: true, oldMode }),
    ...(before !== null && after !== null && oldMode !== newMode && { oldMode, newMode }),
  };
  return formatPatch(patch);
}

function hunksOf(before: string, after: string): StructuredPatch["hunks"] {
  const options = { context: CONTEXT, maxEditLength: MAX_EDITS };
  // The library looks at the clock for a limit that is not set here: what it gives depends on the texts alone, so programs may ask.
  const patch = outsideProgram(() => structuredPatch("", "", before, after, undefined, undefined, options));
  return patch?.hunks ?? [wholeHunk(before, after)];
}

/** All lines go, and all come. */
function wholeHunk(before: string, after: string): StructuredPatch["hunks"][number] {
  const old = linesOf(before);
  const fresh = linesOf(after);
  const marked = (sign: string, text: string, lines: readonly string[]) => [
    ...lines.map((line) => `${sign}${line}`),
    ...(text !== "" && !text.endsWith("\n") ? ["\\ No newline at end of file"] : []),
  ];
  return {
    oldStart: 1, // also of nothing: the text has one less then
    oldLines: old.length,
    newStart: 1,
    newLines: fresh.length,
    lines: [...marked("-", before, old), ...marked("+", after, fresh)],
  };
}

function linesOf(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}
