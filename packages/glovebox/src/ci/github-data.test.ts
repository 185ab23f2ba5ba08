/**
 * Holds ours against all of the data that GitHub's language services are tested with. The data is GitHub's and is not kept here:
 * GLOVEBOX_LANGUAGE_SERVICES names a clone of github.com/actions/languageservices (docs/reference/ci-differences.md says how).
 * Each difference is listed there and here; one that is gone fails, so that the lists stay true.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { JsonValue } from "../engine/index.ts";
import { evaluate } from "./expressions/evaluate.ts";
import { EXPRESSION_DIFFERENCES, READER_DIFFERENCES } from "./testdata/github-differences.ts";
import { callProblems } from "./workflow/call-problems.ts";
import { parseWorkflow } from "./workflow/parse-workflow.ts";

const folder = process.env.GLOVEBOX_LANGUAGE_SERVICES;

describe.skipIf(folder === undefined)("GitHub's expressions/testdata", () => {
  const files = folder === undefined ? [] : readdirSync(join(folder, "expressions/testdata"));

  test.each(files)("%s", (file) => {
    const groups = JSON.parse(readFileSync(join(folder ?? "", "expressions/testdata", file), "utf8")) as Record<
      string,
      ExpressionCase[]
    >;
    const cases = Object.values(groups).flat();
    const differing = cases.filter((each) => !agrees(each)).map(({ expr }) => `${file}: ${expr.slice(0, 60)}`);
    expect(differing).toEqual(EXPRESSION_DIFFERENCES.filter((difference) => difference.startsWith(`${file}: `)));
  });
});

interface ExpressionCase {
  readonly expr: string;
  readonly contexts?: Record<string, JsonValue>;
  readonly result?: { readonly value: JsonValue };
  readonly err?: { readonly value: string };
}

/** Messages agree where one begins with the other: ours always names the place, the data's sometimes. */
function agrees({ expr, contexts, result, err }: ExpressionCase): boolean {
  try {
    const value = evaluate(expr, contexts ?? {});
    return err === undefined && JSON.stringify(value) === JSON.stringify(result?.value);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return err !== undefined && (message.startsWith(err.value.trim()) || err.value.startsWith(message));
  }
}

describe.skipIf(folder === undefined)("GitHub's workflow-parser/testdata/reader", () => {
  const files = folder === undefined ? [] : readdirSync(join(folder, "workflow-parser/testdata/reader"));

  test("every difference is known, and every known one is there", () => {
    const differing = files.filter((file) => !agreesOnFile(file));
    expect(files.length).toBeGreaterThan(150);
    expect(differing.sort()).toEqual(Object.values(READER_DIFFERENCES).flat().sort());
  });
});

interface ReaderResult {
  readonly errors?: readonly { readonly Message: string }[];
  readonly jobs?: readonly { readonly id: string | { readonly lit: string }; readonly steps?: readonly unknown[] }[];
}

function agreesOnFile(file: string): boolean {
  const documents = readFileSync(join(folder ?? "", "workflow-parser/testdata/reader", file), "utf8").split(
    /\r?\n---\r?\n/,
  );
  const wanted = JSON.parse(documents.at(-1) ?? "null") as ReaderResult;
  const path = `.github/workflows/${file}`;
  const { workflow, problems } = parseWorkflow({ path, text: documents[1] ?? "" });
  const called = file.includes("reusable") ? documents.slice(2, -1) : [];
  const calls = workflow?.jobs.flatMap((job) => {
    const at = job.kind === "reusable" ? called.indexOf(job.uses) : -1;
    const callee = at < 0 ? undefined : parseWorkflow({ path: called[at] ?? "", text: called[at + 1] ?? "" }).workflow;
    return job.kind !== "reusable" || callee === undefined ? [] : callProblems(workflow, job, callee);
  });
  const errors = [...problems, ...(calls ?? [])].filter(({ severity }) => severity === "error");
  const messages = errors.map((problem) => ({
    position: `(Line: ${problem.line}, Col: ${problem.column})`,
    message: problem.message,
  }));
  if (
    !sameMessages(
      (wanted.errors ?? []).map(({ Message }) => Message),
      messages,
    )
  )
    return false;
  if (workflow === undefined) return true;
  const shape = workflow.jobs.map((job) => [job.id, job.kind === "steps" ? job.steps.length : 0]);
  return (
    JSON.stringify(shape) ===
    JSON.stringify(
      wanted.jobs?.map(({ id, steps }) => [typeof id === "string" ? id : id.lit, steps?.length ?? 0]) ?? [],
    )
  );
}

function sameMessages(wanted: readonly string[], ours: readonly { position: string; message: string }[]): boolean {
  const left = [...ours];
  for (const want of wanted) {
    const plain = withoutPlace(want);
    const at = left.findIndex(
      ({ message, position }) =>
        plain.endsWith(`: ${withoutPlace(message)}`) && (!plain.includes("(Line:") || plain.includes(position)),
    );
    if (at < 0) return false;
    left.splice(at, 1);
  }
  return left.length === 0;
}

/** The library leaves the place within the expression out of some messages: the file's line and column say more. */
function withoutPlace(message: string): string {
  return message.replace(/\. Located at position \d+ within expression: .*$/s, "");
}
