import { createHash } from "node:crypto";
import { isGloveboxError } from "../../../core/index.ts";
import { languageOf } from "../../code/code-file.ts";
import type { CodeThreads } from "../../code/code-threads.ts";
import type { Layout } from "../../layout/layout.ts";
import type { Diff } from "../../messages/diff.ts";
import { runTestsIn } from "../../test-exec/run-tests.ts";
import { failuresOf, type TestReport } from "../../test-exec/test-report.ts";
import { Trial } from "../../trial.ts";
import { makeDiff, type TextChange } from "../../workbench/make-diff.ts";
import type { RepositoryBench } from "../../workbench/repository-bench.ts";
import { formatted } from "../finish.ts";
import type { ProposedFile } from "./read-proposal.ts";
import { typesHold } from "./types-hold.ts";

export interface Candidate {
  readonly id: string;
  /** A text: why it could not be read. */
  readonly files: readonly ProposedFile[] | string;
}

/** A candidate with what was found about it. */
export interface Judged {
  readonly id: string;
  readonly score: number;
  /** Whether it may be chosen. */
  readonly isGood: boolean;
  /** For people. */
  readonly why: string;
  readonly diff: Diff;
}

interface Parts {
  readonly code: CodeThreads;
  readonly layout: Layout;
  readonly repository: RepositoryBench;
  readonly include: readonly string[];
}

const TEST_MS = 120_000;

/**
 * Tries candidates one after the other: they have to parse, to weaken no test and to break none; of those the better ones by tests, types, new findings of static
 * analysis and size come first, ties by path and hash.
 */
export async function judgeCandidates(candidates: readonly Candidate[], parts: Parts): Promise<readonly Judged[]> {
  const trial = await Trial.open(parts.repository);
  const before = await testsNow(parts);
  const judged: (Judged & { readonly tie: string })[] = [];
  for (const candidate of candidates) {
    const one = await judge(candidate, { ...parts, trial, before });
    const paths = one.diff.files.map(({ path }) => path).join("\n");
    judged.push({ ...one, tie: `${paths}\0${createHash("sha256").update(one.diff.text).digest("hex")}` });
  }
  const order = judged.toSorted(
    (a, b) => Number(b.isGood) - Number(a.isGood) || b.score - a.score || (a.tie < b.tie ? -1 : a.tie > b.tie ? 1 : 0),
  );
  return order.map(({ tie: _, ...one }) => one);
}

const NO_DIFF: Diff = { format: "unified", text: "", files: [] };

async function judge(
  { id, files }: Candidate,
  { trial, before, ...parts }: Parts & { readonly trial: Trial; readonly before: TestReport | undefined },
): Promise<Judged> {
  const bad = (why: string, diff = NO_DIFF): Judged => ({ id, score: 0, isGood: false, why, diff });
  if (typeof files === "string") return bad(files);
  const changes = await changesOf(files, parts);
  if (typeof changes === "string") return bad(changes);
  const diff = makeDiff(changes);
  if (diff.files.length === 0) return bad("it changes nothing");
  const { signal } = parts.repository;
  const weaker = await parts.code.call("testsWeakened", codeOf(changes), { signal });
  if (weaker[0] !== undefined) return bad(`it weakens tests: ${weaker[0].reason}`, diff);
  const fresh = await newProblems(changes, parts);
  return await trial.with(changes, async () => {
    const types = await typesHold(parts.repository, parts.layout.language);
    const after = await testsNow(parts);
    const broken = brokenBy(before, after);
    const lines = diff.text.split("\n").filter((line) => /^[+-](?![+-]{2} )/.test(line)).length;
    const testScore = after === undefined ? 2 : broken === undefined ? 4 : 0;
    const typeScore = types === undefined ? 1 : types ? 2 : 0;
    const score = 8 + testScore + typeScore + 1 / (1 + fresh) + 0.5 / (1 + lines / 50);
    const told = [
      "parses",
      after === undefined ? "there are no tests" : (broken ?? `tests pass (${after.tests.length})`),
      ...(types === undefined ? [] : [types ? "types hold" : "types do not hold"]),
      `${fresh} new findings`,
      `${lines} lines`,
    ];
    return { id, score: Math.round(score * 1e6) / 1e6, isGood: broken === undefined, why: told.join(", "), diff };
  });
}

/** A text: why the files are no change that can be tried. */
async function changesOf(
  files: readonly ProposedFile[],
  { code, layout, repository }: Parts,
): Promise<TextChange[] | string> {
  const changes: TextChange[] = [];
  for (const { path, content } of files) {
    try {
      const before = (await repository.readFileIfAny(path)) ?? null;
      const after = await formatted({ path, before, text: content }, { layout, code, signal: repository.signal });
      changes.push({ path, before, after });
    } catch (error) {
      if (!isGloveboxError(error, "invalid_argument") && !isGloveboxError(error, "payload_too_large")) throw error;
      return error.message;
    }
  }
  return changes;
}

function codeOf(changes: readonly TextChange[]) {
  const texts = (which: "before" | "after") =>
    changes.flatMap(({ path, [which]: text }) => (text === null ? [] : [{ path, text }]));
  return { before: texts("before"), after: texts("after") };
}

/** How many more warnings and errors static analysis finds. */
async function newProblems(changes: readonly TextChange[], { code, repository }: Parts): Promise<number> {
  let count = 0;
  for (const { path, before, after } of changes) {
    if (languageOf(path) === undefined) continue;
    const problems = async (text: string | null) =>
      text === null
        ? 0
        : (await code.call("findProblems", { path, text, least: "warn" }, { signal: repository.signal })).length;
    count += Math.max(0, (await problems(after)) - (await problems(before)));
  }
  return count;
}

/** `undefined`: there is no runner, or there are no tests. */
async function testsNow({ repository, include }: Parts): Promise<TestReport | undefined> {
  try {
    const report = await runTestsIn(repository, { include, timeoutMs: TEST_MS });
    return report.status === "no_tests" ? undefined : report;
  } catch (error) {
    if (isGloveboxError(error, "invalid_argument")) return undefined;
    throw error;
  }
}

/** What a candidate does to tests that went well without it; new ones have to go well too. */
function brokenBy(before: TestReport | undefined, after: TestReport | undefined): string | undefined {
  const failedBefore = new Set((before === undefined ? [] : failuresOf(before)).map(({ id }) => id));
  if (after === undefined) return before === undefined ? undefined : "its tests are not found any more";
  const failed = failuresOf(after).find(({ id }) => !failedBefore.has(id));
  if (failed !== undefined)
    return `${failed.id} fails${failed.message === undefined ? "" : `: ${failed.message.split("\n")[0]?.slice(0, 200)}`}`;
  const now = new Set(after.tests.map(({ id }) => id));
  const gone = before?.tests.find(({ id, status }) => status === "passed" && !now.has(id));
  if (gone !== undefined) return `${gone.id} does not run any more`;
  if (after.status === "timeout" || after.status === "crashed") return `its tests end with ${after.status}`;
  return undefined;
}
