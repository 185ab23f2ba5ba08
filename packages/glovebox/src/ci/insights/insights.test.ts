import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type CiRun, type CiStep, newId, silentLogger } from "../../core/index.ts";
import { openSqliteStore, type Store } from "../../store/index.ts";
import { confidenceOf } from "./confidence.ts";
import { FailureLine, normalised } from "./failure-line.ts";
import { forecast } from "./forecast.ts";
import { CiInsights } from "./insights.ts";
import type { JobOutput } from "./learn-from-run.ts";

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "glovebox-insights-"));
  store = await openSqliteStore({ dataDir: folder });
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

interface StepGiven {
  readonly name: string;
  readonly outcome?: CiStep["outcome"];
  readonly ms?: number;
  readonly error?: string;
}

let clock = 1_000;

/** A finished run of one job, kept in the store as the server keeps it. */
async function aRun(steps: readonly StepGiven[], change: Partial<CiRun> = {}): Promise<CiRun> {
  clock += 1_000;
  const failed = steps.some(({ outcome }) => outcome === "failure");
  const conclusion = failed ? ("failure" as const) : ("success" as const);
  const run: CiRun = {
    id: newId(),
    tenantId: "t",
    repository: "acme/app",
    number: 1,
    attempt: 1,
    workflow: { name: "CI", path: ".github/workflows/ci.yml" },
    title: "CI",
    event: { name: "push", ref: "refs/heads/main", sha: "a".repeat(40), actor: "me", isFork: false },
    source: { kind: "archive", id: newId() },
    status: "completed",
    conclusion,
    jobs: [
      {
        key: "test",
        id: "test",
        name: "test",
        matrix: {},
        needs: [],
        status: "completed",
        conclusion,
        outputs: {},
        steps: steps.map(({ name, outcome = "success", ms = 100, error }, index) => ({
          number: index + 1,
          name,
          outcome,
          conclusion: outcome,
          ...(outcome === "failure" && { exitCode: 1 }),
          ...(error !== undefined && { error }),
          outputs: {},
          durationMs: ms,
          executionIds: [],
          annotations: [],
        })),
      },
    ],
    createdAtMs: clock,
    endedAtMs: clock,
    updatedAtMs: clock,
    ...change,
  };
  return await store.ciRuns.create(run);
}

function insightsWith(printed: (run: CiRun, step: number) => string = () => ""): CiInsights {
  const output: JobOutput = async function* (run, key) {
    for (const { number } of run.jobs.find((job) => job.key === key)?.steps ?? [])
      yield { step: { number }, text: printed(run, number) };
  };
  return new CiInsights({ runs: store.ciRuns, lessons: store.lessons, output, logger: silentLogger });
}

const failing = [{ name: "Run npm test", outcome: "failure" as const }];
const passing = [{ name: "Run npm test" }];

describe("lessons", () => {
  test("three equal failures make one, it shows in the next run's suggestions, and fades with successes", async () => {
    let count = 0;
    const insights = insightsWith(
      () =>
        `> app@1.0.${count++} test\n\u001b[31mError: connect ECONNREFUSED 127.0.0.1:${5000 + count}\u001b[0m\n  at x.js:${count}\n`,
    );
    for (const expected of [0, 0, 1]) {
      await insights.learn(await aRun(failing));
      expect((await insights.of("t", "acme/app")).lessons).toHaveLength(expected);
    }
    const { lessons } = await insights.of("t", "acme/app");
    expect(lessons[0]).toMatchObject({
      kind: "lesson",
      job: "test",
      step: "Run npm test",
      exitCode: 1,
      pattern: "Error: connect ECONNREFUSED N:N",
      failures: 3,
      confidence: 0.85,
      evidence: [expect.anything(), expect.anything(), expect.anything()],
    });
    const next = await aRun(failing);
    await insights.learn(next);
    expect(await insights.suggestionsFor(next)).toEqual([
      expect.objectContaining({
        kind: "known_failure",
        step: "Run npm test",
        confidence: 0.9,
        message: expect.stringContaining("has failed 4 times with: Error: connect ECONNREFUSED 127.0.0.1:"),
      }),
    ]);
    const good = await aRun(passing);
    await insights.learn(good);
    expect(await insights.suggestionsFor(good)).toEqual([]);
    expect((await insights.of("t", "acme/app")).lessons[0]?.confidence).toBe(0.81);
    for (let again = 0; again < 5; again++) await insights.learn(await aRun(passing));
    expect((await insights.of("t", "acme/app")).lessons).toEqual([]);
    for (let again = 0; again < 10; again++) await insights.learn(await aRun(passing));
    expect(await store.lessons.list("t", "acme/app")).toEqual([]);
  });

  test("a run counts once, another failure of the same step is another lesson, kept jobs count nothing", async () => {
    let words = "Error: one";
    const insights = insightsWith(() => words);
    const run = await aRun(failing);
    for (let again = 0; again < 5; again++) await insights.learn(run);
    words = "Error: another";
    await insights.learn(await aRun(failing));
    const [job] = run.jobs;
    if (job !== undefined) await insights.learn(await aRun([], { jobs: [{ ...job, kept: true }] }));
    expect((await store.lessons.list("t", "acme/app")).map(({ pattern, failures }) => [pattern, failures])).toEqual([
      ["Error: another", 1],
      ["Error: one", 1],
    ]);
  });

  test("confidence is 0.7 + 0.05 for each equal failure, up to 1", () => {
    const after = [2, 3, 4, 6, 50].map((failures) => confidenceOf({ failures, successesSince: 0 }));
    expect(after).toEqual([0, 0.85, 0.9, 1, 1]);
  });

  test("what cannot be read hurts nobody: the observer says so and goes on", async () => {
    const told: unknown[] = [];
    const logger = { ...silentLogger, error: (fields: unknown) => void told.push(fields) };
    const output: JobOutput = () => {
      throw new Error("gone");
    };
    const insights = new CiInsights({ runs: store.ciRuns, lessons: store.lessons, output, logger });
    const run = await aRun(failing);
    insights.ended(run);
    await insights[Symbol.asyncDispose]();
    await Promise.resolve();
    expect(told).toEqual([{ runId: run.id, error: "gone" }]);
    expect(await insights.suggestionsFor(run)).toEqual([]);
  });
});

describe("the line that tells of a failure", () => {
  const found = (...pieces: string[]) => {
    const line = new FailureLine();
    for (const piece of pieces) line.add(piece);
    return line.found;
  };

  test.each([
    [["ok\nTypeErr", "or: x is not a function\nError: later\n"], "Error: later"],
    [["compiled with 0 errors\nFAIL src/a.test.ts\n"], "FAIL src/a.test.ts"],
    [["::error file=a::hidden\nsh: 1: nope: not found"], "sh: 1: nope: not found"],
    [["\u001b[31mAssertionError [ERR]\u001b[0m: boom"], undefined],
    [["all is quiet\nlast line\n\n"], "last line"],
    [["", "\n \n"], undefined],
    [["x".repeat(100_000)], "x".repeat(300)],
  ])("%j", (pieces, expected) => {
    expect(found(...pieces)).toBe(expected ?? found(...pieces));
    if (expected === undefined) expect(found(...pieces) ?? "").not.toContain("\u001b");
  });

  test("what changes from run to run is taken out", () => {
    expect(
      normalised(
        "Error at 2026-11-21T10:00:00.123Z in /tmp/x-8f3/y.js:12:5 (id 0198c2f0-0000-7000-8000-00000000abcd, 0x7ffe, deadbeef1)",
      ),
    ).toBe("Error at TIME in TEMP:N:N (id ID, HEX, HEX)");
    expect(normalised("expected 3  got 4.5.1")).toBe("expected N got N");
  });
});

describe("forecasts", () => {
  const history = (durations: readonly number[], failures: readonly number[] = []) => ({
    workflow: "w",
    job: "j",
    step: "s",
    observations: durations.map((durationMs, index) => ({
      runId: String(index),
      durationMs,
      succeeded: !failures.includes(index),
    })),
  });

  test("the usual duration and the share of successes, with the error that foretelling the past had", () => {
    const steady = forecast(history([100, 100, 100, 100, 100, 100, 100, 100]));
    expect(steady).toMatchObject({
      runs: 8,
      durationMs: 100,
      successProbability: 0.9,
      error: { runs: 5, duration: 0 },
    });
    const wild = forecast(history([100, 1000, 100, 1000, 100, 1000, 100, 1000]));
    expect(wild.error?.duration).toBeGreaterThan(0.4);
    const failing = forecast(history([1, 1, 1, 1, 1, 1, 1, 1], [0, 1, 2, 3, 4, 5, 6, 7]));
    expect(failing).toMatchObject({ successProbability: 0.1 });
    expect(failing.durationMs).toBeUndefined();
    expect(failing.error?.success).toBeLessThan(0.1);
  });

  test("with little to go by no error is claimed", () => {
    expect(forecast(history([5, 5, 5, 5])).error).toBeUndefined();
  });

  test("only what is recent counts", () => {
    expect(forecast(history([...Array(50).fill(1000), ...Array(20).fill(10)])).durationMs).toBe(10);
  });
});

describe("suggestions", () => {
  const kinds = async (insights: CiInsights) =>
    (await insights.of("t", "acme/app")).suggestions.map(({ kind }) => kind);

  test("cache what every run fetches anew, unless the job has a cache", async () => {
    for (let again = 0; again < 3; again++) await aRun([{ name: "Run npm ci", ms: 25_000 }]);
    const { suggestions } = await insightsWith().of("t", "acme/app");
    expect(suggestions).toEqual([
      expect.objectContaining({
        kind: "cache",
        step: "Run npm ci",
        message: "'Run npm ci' takes 25 s in every run: cache ~/.npm with actions/cache",
      }),
    ]);
    await aRun([{ name: "Run actions/cache@v4" }, { name: "Run npm ci", ms: 25_000 }]);
    expect(await kinds(insightsWith())).toEqual([]);
  });

  test("run a quick step that fails often before a slow one, split one that is very long", async () => {
    for (const outcome of ["failure", "success", "failure", "success", "success"] as const) {
      await aRun([
        { name: "Run e2e", ms: 700_000 },
        { name: "Run lint", ms: 900, outcome },
      ]);
    }
    const { suggestions } = await insightsWith().of("t", "acme/app");
    expect(suggestions.map(({ kind, message }) => [kind, message])).toEqual([
      ["reorder", "'Run lint' fails in 2 of 5 runs and takes 0.9 s: if it can, run it before 'Run e2e' (700 s)"],
      ["split", "'Run e2e' takes 700 s: split it over jobs, with a matrix for one"],
    ]);
  });

  test("raise a limit that ended a step", async () => {
    await aRun([
      { name: "Run slow", outcome: "failure", error: "The step has exceeded the maximum execution time of 5 minutes." },
    ]);
    expect((await insightsWith().of("t", "acme/app")).suggestions).toEqual([
      expect.objectContaining({
        kind: "raise_timeout",
        step: "Run slow",
        message: expect.stringContaining("was ended once by its time limit"),
      }),
    ]);
  });

  test("flaky: passes on retry of the same commit", async () => {
    for (const outcome of ["success", "success", "failure"] as const) {
      const first = await aRun(failing);
      await aRun([{ name: "Run npm test", outcome }], { attempt: 2, rerunOf: first.id });
    }
    const otherCommit = await aRun(failing);
    await aRun(passing, { attempt: 2, rerunOf: otherCommit.id, event: { ...otherCommit.event, sha: "b".repeat(40) } });
    const { suggestions } = await insightsWith().of("t", "acme/app");
    expect(suggestions).toEqual([
      expect.objectContaining({
        kind: "flaky",
        job: "test",
        message: "'test' is flaky: passes on retry 67% (2 of 3)",
        confidence: 0.667,
      }),
    ]);
  });

  test("another tenant's, repository's or workflow's runs say nothing", async () => {
    for (let again = 0; again < 3; again++) await aRun([{ name: "Run npm ci", ms: 25_000 }], { tenantId: "other" });
    for (let again = 0; again < 3; again++)
      await aRun([{ name: "Run npm ci", ms: 25_000 }], { repository: "acme/other" });
    expect(await kinds(insightsWith())).toEqual([]);
    expect((await insightsWith().of("other", "acme/app", "another.yml")).suggestions).toEqual([]);
    expect((await insightsWith().of("other", "acme/app")).steps).toHaveLength(1);
  });
});
