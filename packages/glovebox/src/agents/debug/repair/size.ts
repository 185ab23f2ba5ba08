import type { Change } from "../mutations/mutation.ts";

/** How many lines changes touch: a line that becomes another one counts once. */
export function sizeOf(changes: readonly Change[], sources: Readonly<Record<string, string>>): number {
  return changes.reduce((size, change) => size + linesOf(change, sources[change.path] ?? ""), 0);
}

function linesOf({ start, end, text }: Change, source: string): number {
  const from = source.lastIndexOf("\n", start - 1) + 1;
  const next = source.indexOf("\n", end);
  const to = next < 0 ? source.length : next;
  const before = source.slice(from, to).split("\n");
  const after = (source.slice(from, start) + text + source.slice(end, to)).split("\n");
  let same = 0;
  while (same < Math.min(before.length, after.length) && before[same] === after[same]) same += 1;
  let tail = 0;
  const left = () => Math.min(before.length, after.length) - same - tail;
  while (left() > 0 && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail += 1;
  return Math.max(before.length, after.length) - same - tail;
}
