import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type CiAnnotation,
  type CiJob,
  type CiRun,
  newId,
  type Repository,
  type SealedValues,
  silentLogger,
  systemClock,
} from "../../core/index.ts";
import { createGiteaForge, createGitHubForge, createLocalForge } from "../../forges/index.ts";
import { FakeGitHub } from "../../forges/testing/fake-github.ts";
import { openSqliteStore, type Store } from "../../store/index.ts";
import { RepositoryKeys } from "../repositories/repository-keys.ts";
import { COMMENT_MARKER } from "./pull-request-comment.ts";
import { Reporter, type ReporterOptions } from "./reporter.ts";

const TENANT = "default";
const HEAD = "a".repeat(40);
const { privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});

let dataDir: string;
let store: Store;
let github: FakeGitHub;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "glovebox-report-"));
  store = await openSqliteStore({ dataDir });
  github = await FakeGitHub.start();
});
afterEach(async () => {
  // Whatever a test was about: GitHub would have taken all that was sent.
  expect(github.problems).toEqual([]);
  await github[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true, force: true });
});

/** In memory: how values are sealed is tested where that is done. */
function plainValues(values: Readonly<Record<string, string>>): SealedValues {
  return { open: async () => values } as unknown as SealedValues;
}

function reporter(options: Partial<ReporterOptions> = {}): Reporter {
  const app = { appId: "12345", privateKey };
  return new Reporter({
    runs: store.ciRuns,
    reports: store.reports,
    repositories: store.repositories,
    keys: new RepositoryKeys(plainValues({ TOKEN: "ghp_plain" })),
    forges: {
      github: createGitHubForge({ apiUrl: github.url, app, clock: systemClock, timeoutMs: 1000 }),
      gitea: createGiteaForge(),
      local: createLocalForge(),
    },
    publicUrl: "https://ci.example.org",
    lastLines: async () => ["\u001b[31mexpected 1\u001b[0m", "```", "but @everybody got 2"],
    suggestions: async () => [{ message: "cache | this <img src=x>" }],
    clock: systemClock,
    logger: silentLogger,
    gatherMs: 10,
    retryMs: 10,
    ...options,
  });
}

async function aRepository(credentials: Repository["credentials"] = "app", forge: Repository["forge"] = "github") {
  const at = new Date().toISOString();
  const repository: Repository = {
    ...{ id: newId(), tenantId: TENANT, forge, fullName: `acme/box-${randomBytes(4).toString("hex")}`, credentials },
    ...{ cloneUrl: "https://github.com/acme/box.git", defaultBranch: "main", labels: {}, createdAt: at, updatedAt: at },
  };
  await store.repositories.create(repository);
  return repository;
}

function aJob(key: string, change: Partial<CiJob> = {}): CiJob {
  const nowMs = Date.now();
  return {
    ...{ key, id: key, name: key, matrix: {}, needs: [], status: "completed", conclusion: "success", outputs: {} },
    ...{ startedAtMs: nowMs - 5000, endedAtMs: nowMs, steps: [] },
    ...change,
  };
}

function annotations(count: number): CiAnnotation[] {
  return Array.from({ length: count }, (_, at) => ({ level: "error", message: `m${at}`, path: "a.ts", line: at + 1 }));
}

async function aRun({ id: repositoryId, fullName }: Repository, change: Partial<CiRun> = {}): Promise<CiRun> {
  const nowMs = Date.now();
  const run: CiRun = {
    ...{ id: newId(), tenantId: TENANT, repositoryId, repository: fullName, number: 1, attempt: 1, title: "CI" },
    workflow: { name: "CI", path: ".github/workflows/ci.yml" },
    event: { name: "push", ref: "refs/heads/main", sha: HEAD, actor: "ada", isFork: false },
    source: { kind: "repository", repositoryId, sha: HEAD },
    ...{
      status: "completed",
      conclusion: "success",
      jobs: [aJob("build")],
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
      endedAtMs: nowMs,
    },
    ...change,
  };
  return await store.ciRuns.create(run);
}

const failing = (count = 0): CiJob =>
  aJob("test", {
    name: "test (20, linux)",
    conclusion: "failure",
    steps: [
      {
        ...{ number: 1, name: "Run | `tests`", outcome: "failure", conclusion: "failure", exitCode: 3, outputs: {} },
        ...{ durationMs: 1500, executionIds: [], annotations: annotations(count), summary: "## Their own" },
      },
    ],
  });
const inPullRequest = (change: Partial<CiRun["event"]> = {}): Partial<CiRun> => ({
  event: {
    ...{ name: "pull_request", ref: "refs/pull/7/merge", sha: "b".repeat(40), headSha: HEAD, actor: "ada" },
    ...{ isFork: false, pullRequest: 7, ...change },
  },
});
const operations = () => github.calls.map(({ operation }) => operation);

async function report(run: CiRun, using = reporter()): Promise<void> {
  using.ended(run);
  await using.settled();
  await using[Symbol.asyncDispose]();
}

describe("the reporter", () => {
  it("tells of a failure as a failure: a check run a job with all annotations, a status, and nothing twice", async () => {
    const run = await aRun(await aRepository(), { conclusion: "failure", jobs: [aJob("build"), failing(120)] });
    await report(run);
    expect(github.check("CI / build")).toMatchObject({ status: "completed", conclusion: "success", head_sha: HEAD });
    const check = github.check("CI / test (20, linux)");
    expect(check).toMatchObject({
      external_id: `${run.id}/test`,
      conclusion: "failure",
      details_url: `https://ci.example.org/ci/runs/${run.id}#test`,
      output: { title: "failed: Run | `tests`" },
    });
    const { annotations: shown, output } = (check ?? {}) as { annotations?: unknown; output?: unknown };
    expect((shown as readonly CiAnnotation[]).map(({ message }) => message)).toEqual(
      annotations(120).map(({ message }) => message),
    );
    const { summary } = output as { readonly summary: string };
    expect(summary).toContain("## Their own");
    expect(summary).toContain("````text\nexpected 1\n```\nbut @everybody got 2\n````");
    expect(github.statuses).toEqual([
      expect.objectContaining({
        sha: HEAD,
        context: "glovebox / CI",
        state: "failure",
        description: "failure: 1 of 2 jobs failed",
      }),
    ]);
    const before = github.calls.length;
    await report(run);
    expect(github.calls).toHaveLength(before);
    // As the App, with a token for this repository, made once.
    expect(operations().filter((name) => name === "apps/create-installation-access-token")).toHaveLength(1);
    expect(github.calls.at(-1)?.authorization).toBe("token ghs_installation_77");
  });

  it("follows a run: queued, at work, done; each only once", async () => {
    const repository = await aRepository();
    const queued = aJob("build", { status: "queued" });
    const { conclusion: _none, endedAtMs: _end, ...open } = queued;
    const run = await aRun(repository, { status: "queued", jobs: [open] });
    const one = reporter();
    const states: unknown[] = [];
    for (const job of [open, open, { ...open, status: "in_progress" } as CiJob, aJob("build")]) {
      await store.ciRuns.put({ ...run, status: job.status, jobs: [job] });
      one.changed(TENANT, run.id);
      await one.settled();
      states.push(github.check("CI / build")?.status);
    }
    await one[Symbol.asyncDispose]();
    expect(states).toEqual(["queued", "queued", "in_progress", "completed"]);
    expect(operations().filter((name) => name.startsWith("checks/"))).toEqual([
      "checks/create",
      "checks/update",
      "checks/update",
    ]);
    expect(github.statuses.map(({ state }) => state)).toEqual(["pending", "success"]);
  });

  it("keeps one comment in a pull request, over runs and over servers that forgot, as text and not as markup", async () => {
    const repository = await aRepository();
    const first = await aRun(repository, { ...inPullRequest(), conclusion: "failure", jobs: [failing()] });
    await report(first);
    const lint = { name: "Lint <b>@team</b>", path: ".github/workflows/lint.yml" };
    await report(await aRun(repository, { ...inPullRequest(), workflow: lint }));
    expect(github.comments.size).toBe(1);
    const [comment] = github.comments.values();
    const body = String(comment?.body);
    expect(body.startsWith(COMMENT_MARKER)).toBe(true);
    expect(body).toContain("| `test (20, linux)` | ❌ failure | `Run ¦ ˋtestsˋ` (3) |");
    expect(body).toContain("✅");
    expect(body).toContain("cache &#124; this &#60;img src=x&#62;");
    expect(body).not.toContain("<b>");
    expect(body).not.toContain("@team");
    // Its check runs are at the head, not at the merge that ran.
    expect(github.check("CI / test (20, linux)")?.head_sha).toBe(HEAD);
    // A data folder that was lost, and a comment that somebody deleted.
    await store.reports.put({ runId: `comment/${repository.id}/7`, tenantId: TENANT, state: {}, done: true });
    const newHead = "c".repeat(40);
    await report(await aRun(repository, inPullRequest({ headSha: newHead })));
    expect([
      github.comments.size,
      String([...github.comments.values()][0]?.body).includes(newHead.slice(0, 12)),
    ]).toEqual([1, true]);
    github.comments.clear();
    await report(await aRun(repository, inPullRequest({ headSha: newHead })));
    expect(github.comments.size).toBe(1);
  });

  it("makes nothing twice when answers are lost or the server is killed, and goes on after 500 and silence", async () => {
    const run = await aRun(await aRepository(), { ...inPullRequest(), conclusion: "failure", jobs: [failing(60)] });
    const spoilt = new Map<string, number>();
    github.fault = (operation) => {
      const count = spoilt.get(operation) ?? 0;
      spoilt.set(operation, count + 1);
      // Every operation: does its work and says nothing of it, then fails; one does not answer at all; then they work.
      if (operation.startsWith("apps/")) return count === 0 ? { status: 502 } : undefined;
      if (operation === "repos/create-commit-status" && count === 0) return { hang: true };
      return count === 0 ? { status: 500, after: true } : count === 1 ? { status: 503 } : undefined;
    };
    const killed = reporter();
    killed.ended(run);
    await expect.poll(() => github.checkRuns.size, { timeout: 20_000 }).toBe(1);
    await killed[Symbol.asyncDispose]();
    const next = reporter();
    await next.takeUp();
    await next.settled();
    await next[Symbol.asyncDispose]();
    expect([github.checkRuns.size, github.comments.size]).toEqual([1, 1]);
    expect(github.check("CI / test (20, linux)")).toMatchObject({ status: "completed", conclusion: "failure" });
    expect(await store.reports.unfinished()).toEqual([]);
  });

  it("waits as long as GitHub says, whichever way it says it", async () => {
    const run = await aRun(await aRepository());
    const reset = Math.ceil(Date.now() / 1000) + 1;
    github.fault = (operation, count) => {
      if (operation !== "checks/create") return undefined;
      if (count === 0) return { status: 403, headers: { "retry-after": "1" } };
      const limit = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(reset) };
      return count === 1 ? { status: 429, headers: limit } : undefined;
    };
    const waits: unknown[] = [];
    const warn = ({ waitMs, code }: Record<string, unknown>) => void waits.push([code, waitMs]);
    await report(run, reporter({ logger: { ...silentLogger, warn } }));
    // The second time has come by then or comes in less than a second; no wait is shorter than that.
    expect(waits).toEqual([
      ["rate_limited", 1000],
      ["rate_limited", expect.any(Number)],
    ]);
    expect(github.check("CI / build")).toMatchObject({ conclusion: "success" });
  });

  it("leaves out what GitHub refuses for good, and tells the rest", async () => {
    github.fault = (operation) => (operation === "checks/create" ? { status: 403 } : undefined);
    const run = await aRun(await aRepository(), inPullRequest());
    await report(run);
    expect([github.checkRuns.size, github.statuses.length, github.comments.size]).toEqual([0, 1, 1]);
    expect((await store.reports.get(run.id))?.done).toBe(true);
  });

  it("with a plain token writes statuses, a job each, and keeps the results here without credentials or an API", async () => {
    const run = await aRun(await aRepository("token"), { conclusion: "failure", jobs: [aJob("build"), failing()] });
    await report(run);
    expect(github.statuses.map(({ context, state }) => [context, state])).toEqual([
      ["glovebox / CI / build", "success"],
      ["glovebox / CI / test (20, linux)", "failure"],
      ["glovebox / CI", "failure"],
    ]);
    expect(github.calls.every(({ authorization }) => authorization === "token ghp_plain")).toBe(true);
    const before = github.calls.length;
    for (const quiet of [
      await aRepository("none"),
      await aRepository("token", "gitea"),
      await aRepository("none", "local"),
    ]) {
      await report(await aRun(quiet));
    }
    expect(github.calls).toHaveLength(before);
  });
});
