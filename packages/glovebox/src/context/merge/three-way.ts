import { diff3Merge } from "node-diff3";

/** A place where both sides changed the same lines differently. */
export interface MergeConflict {
  /** Of the merged text, with the marks, from 1. */
  readonly line: number;
  readonly ours: string;
  readonly base: string;
  readonly theirs: string;
}

export interface Merged {
  /** Where there are conflicts, both sides are in it, between marks as git has them. */
  readonly content: string;
  readonly conflicts: readonly MergeConflict[];
}

/** Joins two texts that come from one, line by line. `ours` is what is there, `theirs` what comes. */
export function mergeThreeWay(
  base: string,
  ours: string,
  theirs: string,
  names: { readonly ours: string; readonly theirs: string },
): Merged {
  const lines: string[] = [];
  const conflicts: MergeConflict[] = [];
  const regions = diff3Merge(ours.split("\n"), base.split("\n"), theirs.split("\n"), { excludeFalseConflicts: true });
  for (const { ok, conflict } of regions) {
    if (ok !== undefined) lines.push(...ok);
    if (conflict === undefined) continue;
    conflicts.push({
      line: lines.length + 1,
      ours: conflict.a.join("\n"),
      base: conflict.o.join("\n"),
      theirs: conflict.b.join("\n"),
    });
    lines.push(`<<<<<<< ${names.ours}`, ...conflict.a, "=======", ...conflict.b, `>>>>>>> ${names.theirs}`);
  }
  return { content: lines.join("\n"), conflicts };
}
