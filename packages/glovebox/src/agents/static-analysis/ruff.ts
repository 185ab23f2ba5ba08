import ruff, { type Diagnostic } from "@astral-sh/ruff-wasm-nodejs";
import { isTrap } from "../../syntax/index.ts";
import type { CodeFile } from "../code/code-file.ts";
import type { Finding } from "./finding.ts";
import { IGNORED, ruffRule, SELECTED } from "./rules/ruff-rules.ts";

/** Tests say `assert`, and their secrets are none. */
const IN_TESTS = ["S105", "S106", "S107", "S311"];

function diagnose({ path, text }: CodeFile): readonly Diagnostic[] {
  const isTest = /(^|\/)(tests?\/|test_|conftest\.py)|_test\.py$/.test(path);
  const options = { lint: { select: SELECTED, ignore: [...IGNORED, ...(isTest ? IN_TESTS : [])] } };
  const workspace = new ruff.Workspace(options, ruff.PositionEncoding.Utf16);
  try {
    const found = workspace.check(text) as readonly Diagnostic[];
    workspace.free();
    return found;
  } catch (error) {
    if (!isTrap(error)) workspace.free();
    throw error;
  }
}

export function ruffFindings(file: CodeFile): readonly Finding[] {
  return diagnose(file).map(({ code, message, start_location: start, end_location: end, fix }) => {
    const { severity, cwe } = code === null ? { severity: "error" as const } : ruffRule(code);
    const advice = fix?.message ?? undefined;
    return {
      rule: code ?? "syntax",
      severity,
      message: message.slice(0, 1_000),
      ...(advice !== undefined && { suggestion: `${advice.slice(0, 500)}.` }),
      ...(cwe !== undefined && { cwe }),
      line: start.row,
      column: start.column,
      endLine: end.row,
      endColumn: end.column,
    };
  });
}

/** The file with what ruff can put right by itself, each place once; the same text when there is nothing. */
export function ruffFixed(file: CodeFile): string {
  const lines = lineStarts(file.text);
  const offset = ({ row, column }: { row: number; column: number }) =>
    (lines[row - 1] ?? file.text.length) + column - 1;
  const edits = diagnose(file)
    .flatMap(({ fix }) =>
      fix === null
        ? []
        : [
            fix.edits.map((edit) => ({
              from: offset(edit.location),
              to: offset(edit.end_location),
              text: edit.content ?? "",
            })),
          ],
    )
    .toSorted((a, b) => (a[0]?.from ?? 0) - (b[0]?.from ?? 0));
  const taken: { readonly from: number; readonly to: number; readonly text: string }[] = [];
  for (const group of edits) {
    const isApart = group.every((edit) => taken.every((other) => edit.from >= other.to || edit.to <= other.from));
    if (isApart && taken.length < 500) taken.push(...group);
  }
  let text = file.text;
  for (const { from, to, text: fresh } of taken.toSorted((a, b) => b.from - a.from))
    text = text.slice(0, from) + fresh + text.slice(to);
  return text;
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}
