import type { Hunk } from "./parse-diff.ts";

/** Lines with what ends them. */
export function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/**
 * A text with hunks applied; `undefined` when their old lines are not there. They are looked for where they should be, and then nearby (`within` lines, default 0).
 * Old lines without which the hunk would fit anywhere are taken at their line only.
 */
export function applyHunks(text: string, hunks: readonly Hunk[], { within = 0 } = {}): string | undefined {
  const lines = splitLines(text);
  const out: string[] = [];
  let from = 0;
  let shift = 0;
  for (const hunk of hunks) {
    const wanted = (hunk.old.length === 0 ? hunk.oldStart : hunk.oldStart - 1) + shift;
    const at = placeOf(lines, hunk.old, { from, wanted, within });
    if (at === undefined) return undefined;
    for (let index = from; index < at; index += 1) out.push(lines[index] ?? "");
    // New lines after one that has no end would be joined to it.
    if (hunk.fresh.length > 0 && out.length > 0 && out.at(-1)?.endsWith("\n") === false) return undefined;
    for (const line of hunk.fresh) out.push(line);
    from = at + hunk.old.length;
    shift = at - (hunk.old.length === 0 ? hunk.oldStart : hunk.oldStart - 1);
  }
  if (from < lines.length && out.length > 0 && out.at(-1)?.endsWith("\n") === false) return undefined;
  for (let index = from; index < lines.length; index += 1) out.push(lines[index] ?? "");
  return out.join("");
}

function placeOf(
  lines: readonly string[],
  old: readonly string[],
  { from, wanted, within }: { readonly from: number; readonly wanted: number; readonly within: number },
): number | undefined {
  const fits = (at: number) =>
    at >= from && at + old.length <= lines.length && old.every((line, index) => lines[at + index] === line);
  const most = old.length === 0 ? 0 : within;
  for (let distance = 0; distance <= most; distance += 1) {
    if (fits(wanted - distance)) return wanted - distance;
    if (distance > 0 && fits(wanted + distance)) return wanted + distance;
  }
  return undefined;
}
