import { diffComm } from "node-diff3";

/** Lines around a change that are shown. */
const AROUND = 3;

/** What differs between two texts, as `diff -u` shows it; nothing when they are the same. */
export function lineDiff(a: string, b: string, names: { readonly a: string; readonly b: string }): string {
  if (a === b) return "";
  const rows: { readonly mark: " " | "-" | "+"; readonly line: string; readonly a: number; readonly b: number }[] = [];
  let [atA, atB] = [1, 1];
  for (const part of diffComm(a.split("\n"), b.split("\n"))) {
    if ("common" in part) for (const line of part.common) rows.push({ mark: " ", line, a: atA++, b: atB++ });
    else {
      for (const line of part.buffer1) rows.push({ mark: "-", line, a: atA++, b: atB });
      for (const line of part.buffer2) rows.push({ mark: "+", line, a: atA, b: atB++ });
    }
  }
  const shown = rows.map((_, at) =>
    rows.slice(Math.max(0, at - AROUND), at + AROUND + 1).some(({ mark }) => mark !== " "),
  );
  let text = `--- ${names.a}\n+++ ${names.b}\n`;
  for (const [at, { mark, line, a: lineA, b: lineB }] of rows.entries()) {
    if (!shown[at]) continue;
    if (at === 0 || !shown[at - 1]) text += `@@ -${lineA} +${lineB} @@\n`;
    text += `${mark}${line}\n`;
  }
  return text;
}
