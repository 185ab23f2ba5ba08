import { z } from "zod";
import type { Agent, AgentHost } from "../agent.ts";
import { languageOf } from "../code/code-file.ts";
import { TestStatus } from "../messages/artifact.ts";
import { summary } from "../messages/make-message.ts";
import { Content, RepositoryPath, Share, ShortText } from "../messages/parts.ts";
import { makeDiff } from "../workbench/make-diff.ts";
import { askJson } from "./ask-json.ts";

const Change = z.strictObject({
  path: RepositoryPath,
  /** Null: it was not there. */
  before: Content.nullable(),
  /** Null: it is no more. */
  after: Content.nullable(),
});

const EvaluatePayload = z.strictObject({
  /** What was done. */
  changes: z.array(Change).max(500).default([]),
  /** Of the tests that ran after it. */
  tests: z
    .array(z.strictObject({ name: ShortText, status: TestStatus }))
    .max(10_000)
    .optional(),
  coverage: Share.optional(),
  /** What it is held to; at least one. */
  criteria: z
    .strictObject({
      /** At least one test ran, and none failed. */
      testsGreen: z.literal(true).optional(),
      /** Lines added and removed together. */
      maxDiffLines: z.number().int().min(0).optional(),
      maxFiles: z.number().int().min(0).optional(),
      /** Tests say no less than before. */
      noWeakenedTests: z.literal(true).optional(),
      /** Every file of a language that is read here is code of it. */
      parses: z.literal(true).optional(),
      minCoverage: Share.optional(),
      /** Files that may change begin with one of these. */
      within: z.array(RepositoryPath).min(1).max(100).optional(),
      /** In words: only a model can judge by it; without one nothing that is held to it is accepted. */
      rubric: z.string().min(1).max(10_000).optional(),
    })
    .refine((criteria) => Object.values(criteria).some((one) => one !== undefined), "there is nothing to judge by"),
});
type EvaluatePayload = z.infer<typeof EvaluatePayload>;

interface Finding {
  readonly criterion: keyof EvaluatePayload["criteria"];
  readonly holds: boolean;
  /** What it was, or what is wrong. */
  readonly details: string;
}

const Opinion = z.strictObject({ score: Share, feedback: ShortText });
/** Of a model's score, from which on a rubric counts as met. */
const MIN_SCORE = 0.7;

/** Judges a result by explicit criteria: accepted is what meets every one of them. */
export const evaluator: Agent<EvaluatePayload> = {
  name: "evaluator",
  capabilities: ["evaluate"],
  description: "Judges a result by criteria: tests green, size of the change, no weakened tests, coverage, a rubric",
  payload: EvaluatePayload,
  work: async (host, { payload }) => {
    const findings = [...(await measure(host, payload)), ...(await opinion(host, payload))];
    const failed = findings.filter(({ holds }) => !holds);
    const score = Math.round((100 * (findings.length - failed.length)) / findings.length) / 100;
    const feedback = failed.map(({ criterion, details }) => `${criterion}: ${details}`).join("\n");
    return summary(failed.length === 0 ? "accepted" : `refused\n${feedback}`, {
      data: { accepted: failed.length === 0, score, feedback, criteria: findings },
      artifacts: failed.map(({ criterion, details }) => ({
        ...{ kind: "analysis", target: criterion, details: details.slice(0, 4_000), severity: "error" },
        ...{ suggestions: [], rule: `evaluate/${criterion}` },
      })),
    });
  },
};

/** What needs no opinion, in a fixed order. */
async function measure(host: AgentHost, payload: EvaluatePayload): Promise<readonly Finding[]> {
  const { changes, tests, coverage, criteria } = payload;
  const found: Finding[] = [];
  const add = (criterion: Finding["criterion"], holds: boolean, details: string) =>
    found.push({ criterion, holds, details });
  if (criteria.testsGreen) add("testsGreen", ...greenness(tests));
  if (criteria.maxDiffLines !== undefined) {
    const lines = diffLines(changes);
    add("maxDiffLines", lines <= criteria.maxDiffLines, `${lines} lines change, at most ${criteria.maxDiffLines}`);
  }
  if (criteria.maxFiles !== undefined) {
    add(
      "maxFiles",
      changes.length <= criteria.maxFiles,
      `${changes.length} files change, at most ${criteria.maxFiles}`,
    );
  }
  if (criteria.noWeakenedTests) {
    const weakened = await weakenings(host, changes);
    add("noWeakenedTests", weakened.length === 0, weakened.join("; ") || "tests say no less");
  }
  if (criteria.parses) {
    const problems = await unreadable(host, changes);
    add("parses", problems.length === 0, problems.join("; ") || "all files parse");
  }
  if (criteria.minCoverage !== undefined) {
    const said = coverage === undefined ? "no coverage was measured" : `coverage is ${coverage}`;
    add("minCoverage", (coverage ?? -1) >= criteria.minCoverage, `${said}, at least ${criteria.minCoverage}`);
  }
  if (criteria.within !== undefined) {
    const { within } = criteria;
    const isInside = (path: string) => within.some((folder) => path === folder || path.startsWith(`${folder}/`));
    const outside = changes.map(({ path }) => path).filter((path) => !isInside(path));
    add("within", outside.length === 0, outside.length === 0 ? "all within" : `not within: ${outside.join(", ")}`);
  }
  return found;
}

async function opinion(host: AgentHost, payload: EvaluatePayload): Promise<readonly Finding[]> {
  const { rubric } = payload.criteria;
  if (rubric === undefined) return [];
  const system = "You judge a change of a repository by a rubric: a score from 0 to 1, and what must become better.";
  const prompt = `Rubric:\n${rubric}\n\nChange:\n${makeDiff(payload.changes).text}`;
  const said = await askJson(host, Opinion, { system, prompt });
  if (said === undefined) return [{ criterion: "rubric", holds: false, details: "there is no model to judge by it" }];
  if ("problem" in said) return [{ criterion: "rubric", holds: false, details: said.problem }];
  const { score, feedback } = said.value;
  return [{ criterion: "rubric", holds: score >= MIN_SCORE, details: `${score}: ${feedback}` }];
}

function greenness(tests: EvaluatePayload["tests"]): [boolean, string] {
  const ran = (tests ?? []).filter(({ status }) => status !== "skipped");
  const bad = ran.filter(({ status }) => status !== "passed").map(({ name }) => name);
  if (ran.length === 0) return [false, "no test ran"];
  if (bad.length === 0) return [true, `${ran.length} tests passed`];
  return [false, `${bad.length} of ${ran.length} tests do not pass: ${bad.slice(0, 20).join(", ")}`];
}

function diffLines(changes: EvaluatePayload["changes"]): number {
  let [isInHunk, count] = [false, 0];
  for (const line of makeDiff(changes).text.split("\n")) {
    if (line.startsWith("diff --git ")) isInHunk = false;
    else if (line.startsWith("@@ ")) isInHunk = true;
    else if (isInHunk && /^[+-]/.test(line)) count += 1;
  }
  return count;
}

async function weakenings({ run, code }: AgentHost, changes: EvaluatePayload["changes"]): Promise<readonly string[]> {
  const of = (side: "before" | "after") =>
    changes.flatMap(({ path, [side]: text }) => (text === null ? [] : [{ path, text }]));
  const asked = { before: of("before"), after: of("after") };
  const found = await run.step("tests", asked, (_input, { signal }) => code.call("testsWeakened", asked, { signal }));
  return found.map(({ reason }) => reason);
}

async function unreadable({ run, code }: AgentHost, changes: EvaluatePayload["changes"]): Promise<readonly string[]> {
  const files = changes.flatMap(({ path, after }) =>
    after === null || languageOf(path) === undefined ? [] : [{ path, text: after }],
  );
  return run.step("parse", { files }, async (_input, { signal }) => {
    const problems: string[] = [];
    for (const file of files) {
      const [first] = await code.call("check", file, { signal });
      if (first !== undefined) problems.push(`${file.path}:${first.line}: does not parse`);
    }
    return problems;
  });
}
