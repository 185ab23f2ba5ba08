import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FakeGitHub } from "../../packages/glovebox/src/forges/testing/fake-github.ts";
import { GitUpstream } from "../../packages/glovebox/src/forges/testing/git-upstream.ts";
import { TYPESCRIPT } from "../support/flows.ts";
import { glovebox, startServer, type TestServer } from "../support/server.ts";

const run = promisify(execFile);
const NAME = "acme/shop";
const TOKEN = "ghp_of_the_shop_0123456789";

describe("a flow on a repository that the server knows", { timeout: 180_000 }, () => {
  let upstream: GitUpstream;
  let github: FakeGitHub;
  let server: TestServer;
  let head: string;
  beforeAll(async () => {
    [upstream, github] = await Promise.all([GitUpstream.start(), FakeGitHub.start()]);
    head = await upstream.commit(NAME, TYPESCRIPT);
    await upstream.takePushes(NAME);
    const env = { GLOVEBOX_CI_GITHUB_URL: upstream.origin, GLOVEBOX_CI_GITHUB_API_URL: github.url };
    server = await startServer({ env });
    const adding = cli(["ci", "repo", "add", NAME, "--token-file", "-"]);
    adding.child.stdin?.end(`${TOKEN}\n`);
    await adding;
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await github[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });

  /** The command line, as people use it. */
  function cli(words: readonly string[]) {
    const env = { ...process.env, GLOVEBOX_URL: server.url, GLOVEBOX_TOKEN: server.token };
    return run(glovebox, [...words, "--json"], { env, timeout: 120_000 });
  }

  const served = (...words: string[]) => run("git", ["-C", join(upstream.folder, "served", `${NAME}.git`), ...words]);

  test("pushes its change as a branch and proposes it, once, and again as the same", async () => {
    const words = ["flow", "run", "fix-failing", "--repository", NAME, "--publish", "pull_request"];
    const first = JSON.parse((await cli(words)).stdout);
    expect(first).toMatchObject({
      status: "completed",
      branch: expect.stringMatching(/^glovebox\/fix-failing-/),
      published: { pullRequest: { number: expect.any(Number) } },
      tests: { status: "passed" },
    });
    const { stdout } = await served("diff", head, first.branch);
    expect(stdout).toContain("+  return Math.max(0, Math.round(cents - off));");
    expect((await served("rev-parse", first.branch)).stdout.trim()).toBe(first.published.commit);
    expect((await served("rev-parse", "main")).stdout.trim()).toBe(head);
    const opened = github.calls.filter(({ operation }) => operation === "pulls/create");
    expect(opened).toMatchObject([
      {
        authorization: `token ${TOKEN}`,
        body: { head: first.branch, base: "main", title: expect.stringContaining("fix-failing") },
      },
    ]);
    const again = JSON.parse((await cli(words)).stdout);
    expect(again.published).toEqual(first.published);
    expect(github.calls.filter(({ operation }) => operation === "pulls/create")).toHaveLength(1);
    expect(github.problems).toEqual([]);
    expect(upstream.requests.filter(({ path }) => path.endsWith("git-receive-pack"))).not.toEqual([]);
  });

  test("is refused before it starts where there is nothing to push to, and says nothing of a repository that is not there", async () => {
    const folder = cli([
      "flow",
      "run",
      "fix-failing",
      "--repo",
      join(upstream.folder, "work", NAME),
      "--publish",
      "branch",
    ]);
    await expect(folder).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining("that the server knows") });
    await expect(cli(["flow", "run", "fix-failing", "--repository", "acme/none"])).rejects.toMatchObject({
      stderr: expect.stringContaining("acme/none"),
    });
  });
});
