import { z } from "zod";
import { type GloveboxError, isGloveboxError } from "../../../core/index.ts";
import type { Diff } from "../../messages/diff.ts";
import type { AgentOutcome } from "../../messages/result.ts";
import { defineFlow } from "../define-flow.ts";
import type { FlowEnd, Suspect } from "../flow-result.ts";
import type { FlowScope } from "../flow-scope.ts";
import { judgeRepair } from "./judge-diff.ts";
import { learn, recall } from "./lessons.ts";
import { type TestsSeen, testsOf } from "./tests-of.ts";

export const FixInput = z.strictObject({
  rounds: z.number().int().min(1).max(10).default(3).describe("How often it tries"),
  test_timeout_ms: z
    .number()
    .int()
    .min(100)
    .max(600_000)
    .default(10_000)
    .describe("Of one test (with node:test: of one file), milliseconds: what hangs fails"),
  timeout_ms: z.number().int().min(1_000).max(3_600_000).default(300_000).describe("Of all tests, milliseconds"),
  reruns: z.number().int().min(0).max(5).default(1).describe("How often tests that fail run again, to tell flaky ones"),
  candidates: z.number().int().min(1).max(5_000).default(600).describe("Changes that are tried in a round, at most"),
});
export type FixInput = z.infer<typeof FixInput>;

/** Failing tests that are looked at one by one, where no change lets all of them pass. */
const MAX_SINGLE = 5;

/** Repairs what makes tests fail, without touching what they say; what it cannot repair it tells, with the lines that are most likely at fault. */
export const fixFailing = defineFlow({
  name: "fix-failing",
  version: "1",
  description: "Finds what makes the tests fail, repairs it, and never weakens a test",
  repository: true,
  input: FixInput,
  plan: [
    { id: "test", kind: "agent", agent: "test_exec", note: "what fails, and what only sometimes does" },
    {
      id: "round",
      kind: "until",
      note: "until all tests pass",
      rounds: 3,
      steps: [
        { id: "debug", kind: "agent", agent: "debug", note: "suspects, and a change that the tests have judged" },
        { id: "judge", kind: "group", note: "refuses what makes tests say less" },
        { id: "apply", kind: "apply" },
        { id: "test", kind: "agent", agent: "test_exec" },
      ],
    },
  ],
  run: (scope, input) => fix(scope, input),
});

async function fix(scope: FlowScope, input: FixInput): Promise<FlowEnd> {
  const first = await runTests(scope, "test", input);
  if ("status" in first) return first;
  if (first.areGreen) {
    const flaky = first.tests.flaky.length;
    const reason = flaky > 0 ? `no test fails whenever it runs; ${flaky} fail sometimes` : undefined;
    return { status: flaky > 0 ? "failed" : "completed", tests: first.tests, ...(reason !== undefined && { reason }) };
  }
  if (first.failing.length === 0) {
    return {
      status: "failed",
      reason: `no test fails by itself: they ended as ${first.tests.status}`,
      tests: first.tests,
    };
  }
  const known = await recall(scope, first);
  return repairUntilGreen(scope, input, { first, known });
}

async function repairUntilGreen(
  scope: FlowScope,
  input: FixInput,
  { first, known }: { readonly first: TestsSeen; readonly known: readonly string[] },
): Promise<FlowEnd> {
  let seen = first;
  let suspects: readonly Suspect[] = [];
  const fixes: string[] = [];
  const refused: string[] = [];
  for (let round = 1; round <= input.rounds && !seen.areGreen; round++) {
    const found = await debugRound(scope, input, round, seen);
    suspects = found.suspects.length > 0 ? found.suspects : suspects;
    refused.push(...found.refused);
    if (found.kept === undefined) break;
    const next = await runTests(scope, `test-${round}`, input, seen);
    const lost = "status" in next ? seen.passing : lostBy(seen, next);
    if (lost.length > 0 || "status" in next) {
      await scope.apply(`undo-${round}`, found.kept.undo);
      const summary = `taken back: with the change, ${countOf(lost.length)} that passed ${lost.length === 1 ? "does" : "do"} not: ${lost.slice(0, 5).join(", ")}`;
      await scope.report({ id: `undo-${round}`, status: "failed", summary });
      refused.push(summary);
      break;
    }
    fixes.push(found.kept.fix);
    seen = next;
  }
  await learn(scope, first, { fixes, worked: seen.areGreen, known });
  if (seen.areGreen) return { status: "completed", tests: seen.tests };
  const left = seen.failing.length;
  const none = `no change was found that lets ${left === 1 ? "it" : "them"} pass and breaks no other`;
  const told = refused.length === 0 ? "" : `. Refused: ${refused.join("; ")}`;
  const reason =
    `${left} ${left === 1 ? "test fails" : "tests fail"}${fixes.length > 0 ? " still" : ""}: ${none}${told}`.slice(
      0,
      4_000,
    );
  return { status: "failed", reason, tests: seen.tests, suspects: [...suspects] };
}

interface RoundResult {
  readonly suspects: readonly Suspect[];
  /** What was changed, in words, and what takes it back; absent: nothing. */
  readonly kept?: { readonly fix: string; readonly undo: Diff };
  /** What was proposed and may not be. */
  readonly refused: readonly string[];
}

/** Tests that passed, and do not any more: they fail, are skipped, or are not there. */
function lostBy(before: TestsSeen, after: TestsSeen): readonly string[] {
  const passing = new Set(after.passing);
  return before.passing.filter((id) => !passing.has(id));
}

function countOf(tests: number): string {
  return tests === 1 ? "1 test" : `${tests} tests`;
}

/** Looks for a change that lets all failing tests pass; where there is none, for one that lets one of them pass: there may be several faults. */
async function debugRound(scope: FlowScope, input: FixInput, round: number, seen: TestsSeen): Promise<RoundResult> {
  const all = seen.failing.map(({ id }) => id).slice(0, 1_000);
  const singles = all.length > 1 ? all.slice(0, MAX_SINGLE).map((id) => [id]) : [];
  let suspects: readonly Suspect[] = [];
  const refused: string[] = [];
  for (const [index, tests] of [all, ...singles].entries()) {
    const id = index === 0 ? `debug-${round}` : `debug-${round}.${index}`;
    const outcome = await debugFor(scope, id, { tests, runner: seen.tests.runner }, input);
    if (outcome === undefined) continue;
    const found = suspectsOf(outcome);
    if (suspects.length === 0) suspects = found;
    refused.push(...refusedBy(outcome));
    const { delta } = outcome;
    if (delta.kind !== "diff") continue;
    const { against, undo } = await judgeRepair(scope, `judge ${id}`, delta.diff, seen.files);
    if (against.length > 0) {
      refused.push(...against);
      await scope.report({ id: `judge-${id}`, status: "failed", summary: `refused: ${against.join("; ")}` });
      continue;
    }
    await scope.apply(id, delta.diff);
    return { suspects, refused, kept: { fix: wordsOf(outcome), undo } };
  }
  return { suspects, refused: [...new Set(refused)] };
}

async function debugFor(
  scope: FlowScope,
  id: string,
  asked: { readonly tests: readonly string[]; readonly runner: string },
  { candidates, test_timeout_ms: testTimeoutMs, timeout_ms: timeoutMs }: FixInput,
): Promise<AgentOutcome | undefined> {
  try {
    const payload = { ...asked, testTimeoutMs, timeoutMs, budget: { candidates } };
    const outcome = await scope.agent({ id, agent: "debug", payload });
    const refused = refusedBy(outcome);
    const told = refused.length === 0 ? "" : ` Refused: ${refused.join("; ")}`;
    await scope.report({ id, agent: "debug", status: "done", summary: `${wordsOf(outcome)}${told}` });
    return outcome;
  } catch (error) {
    if (scope.endsWith(error)) throw error;
    const { code, message } = error as GloveboxError;
    await scope.report({ id, agent: "debug", status: "failed", summary: `${code}: ${message}` });
    return undefined;
  }
}

/** The tests, or how the flow ends because there are none to be run. `before`: what ran them then runs them again, and is not looked for. */
export async function runTests(
  scope: FlowScope,
  id: string,
  input: Pick<FixInput, "test_timeout_ms" | "timeout_ms" | "reruns">,
  before?: TestsSeen,
): Promise<TestsSeen | FlowEnd> {
  const { test_timeout_ms: testTimeoutMs, timeout_ms: timeoutMs, reruns } = input;
  const known = before === undefined ? {} : { runner: before.tests.runner };
  try {
    const payload = { ...known, testTimeoutMs, timeoutMs, reruns };
    const outcome = await scope.agent({ id, agent: "test_exec", payload });
    const seen = testsOf(outcome);
    const { passed, failed, skipped, flaky, runner } = seen.tests;
    const sometimes = flaky.length === 0 ? "" : `, ${flaky.length} flaky`;
    const summary = `${passed} passed, ${failed} failed, ${skipped} skipped${sometimes} (${runner})`;
    await scope.report({ id, agent: "test_exec", status: seen.areGreen ? "done" : "failed", summary });
    return seen.tests.status === "no_tests"
      ? { status: "failed", reason: "the repository has no tests", tests: seen.tests }
      : seen;
  } catch (error) {
    if (scope.endsWith(error) || !isGloveboxError(error, "invalid_argument")) throw error;
    await scope.report({ id, agent: "test_exec", status: "failed", summary: error.message });
    return { status: "failed", reason: error.message };
  }
}

function suspectsOf({ artifacts }: AgentOutcome): readonly Suspect[] {
  return artifacts.flatMap((artifact) =>
    artifact.kind === "candidate_list"
      ? artifact.candidates.flatMap(({ path, line, score }) =>
          path === undefined || line === undefined ? [] : [{ path, line, score: Math.min(1, Math.max(0, score)) }],
        )
      : [],
  );
}

/** What debug's model proposed, and debug did not even try: its artifact `refused` has a line for each. */
function refusedBy({ artifacts }: AgentOutcome): readonly string[] {
  const told = artifacts.find((artifact) => artifact.kind === "text" && artifact.title === "refused");
  return told?.kind === "text" ? told.text.split("\n").slice(0, 20) : [];
}

function wordsOf({ delta, artifacts }: AgentOutcome): string {
  if (delta.kind === "summary") return delta.text;
  const repair = artifacts.find((artifact) => artifact.kind === "text" && artifact.title === "repair");
  return repair?.kind === "text" ? repair.text : "a change";
}
