import type { Diff } from "../messages/diff.ts";
import { type FilePatch, type Hunk, parseDiff } from "../workbench/parse-diff.ts";

/**
 * A diff that a person has changed by hand, whose numbers of lines need not be right any more, as one that applies. Where it changes nothing, it is the one that was
 * given. Errors: those of `parseDiff`.
 */
export function editedDiff(given: Diff, text: string): Diff {
  if (text === given.text) return given;
  const patches = parseDiff(text, { recount: true });
  // Of what files were made from nothing is known any more: a file that was deleted and is changed now, say.
  return { format: "unified", text: patches.map(patchText).join(""), files: [] };
}

function patchText({ path, kind, hunks, mode }: FilePatch): string {
  const header = [`diff --git a/${path} b/${path}`];
  if (kind === "create") header.push(`new file mode ${mode ?? "100644"}`);
  if (kind === "delete") header.push(`deleted file mode ${mode ?? "100644"}`);
  if (hunks.length > 0) {
    header.push(
      `--- ${kind === "create" ? "/dev/null" : `a/${path}`}`,
      `+++ ${kind === "delete" ? "/dev/null" : `b/${path}`}`,
    );
  }
  let moved = 0;
  const parts = hunks.map((hunk) => {
    const part = hunkText(hunk, moved);
    moved += hunk.fresh.length - hunk.old.length;
    return part;
  });
  return `${header.join("\n")}\n${parts.join("")}`;
}

/** All old lines, then all new ones: what both have stands twice, and is the same afterwards. */
function hunkText({ oldStart, old, fresh }: Hunk, moved: number): string {
  const at = (start: number, lines: readonly string[]) => `${start},${lines.length}`;
  const newStart = Math.max(fresh.length === 0 ? 0 : 1, oldStart + moved + (old.length === 0 ? 1 : 0));
  const line = (sign: string, text: string) =>
    text.endsWith("\n") ? `${sign}${text}` : `${sign}${text}\n\\ No newline at end of file\n`;
  const lines = [...old.map((text) => line("-", text)), ...fresh.map((text) => line("+", text))];
  return `@@ -${at(oldStart, old)} +${at(newStart, fresh)} @@\n${lines.join("")}`;
}
