import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { signedDelivery } from "../../packages/glovebox/src/forges/testing/examples.ts";
import { FakeGitHub } from "../../packages/glovebox/src/forges/testing/fake-github.ts";
import { GitUpstream } from "../../packages/glovebox/src/forges/testing/git-upstream.ts";
import { glovebox, startServer, type TestServer } from "../support/server.ts";

const NAME = "acme/shop";
const APP_SECRET = "what the App signs with";
const SECRET = "a brass key under the mat";
const WORKFLOW = `name: Test
on: pull_request
jobs:
  good:
    runs-on: ubuntu-latest
    steps: [{run: "echo \${{ vars.REGION }}"}]
  bad:
    runs-on: ubuntu-latest
    steps:
      - name: Check
        run: |
          echo "::error file=src/a.ts,line=3,title=Broken::it is broken"
          echo "the key is \${{ secrets.DEPLOY_KEY }}"
          exit 7
`;
const { privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});

describe("a pull request's results", { timeout: 120_000 }, () => {
  let folder: string;
  let upstream: GitUpstream;
  let github: FakeGitHub;
  let server: TestServer;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "glovebox-app-"));
    await writeFile(join(folder, "key.pem"), privateKey, { mode: 0o600 });
    await writeFile(join(folder, "secret"), `${APP_SECRET}\n`, { mode: 0o600 });
    [upstream, github] = await Promise.all([GitUpstream.start(), FakeGitHub.start()]);
    server = await startServer({
      env: {
        GLOVEBOX_CI_GITHUB_URL: upstream.origin,
        GLOVEBOX_CI_GITHUB_API_URL: github.url,
        GLOVEBOX_CI_GITHUB_APP_ID: "12345",
        GLOVEBOX_CI_GITHUB_PRIVATE_KEY_FILE: join(folder, "key.pem"),
        GLOVEBOX_CI_GITHUB_WEBHOOK_SECRET_FILE: join(folder, "secret"),
        GLOVEBOX_CI_PUBLIC_URL: "https://ci.example.org",
      },
    });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await github[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  /** The command line, as people use it. */
  function run(words: readonly string[], input?: string): unknown {
    const env = { ...process.env, GLOVEBOX_URL: server.url, GLOVEBOX_TOKEN: server.token };
    const done = spawnSync(glovebox, ["ci", "repo", ...words, "--json"], {
      env,
      input,
      encoding: "utf8",
      timeout: 60_000,
    });
    if (done.status !== 0) throw new Error(`${words.join(" ")}: ${done.stderr}`);
    return JSON.parse(done.stdout);
  }

  test("are at its head: a check run a job with annotations, a status, and one comment; the secret is nowhere", async () => {
    const head = await upstream.commit(NAME, { ".github/workflows/test.yml": WORKFLOW });
    await upstream.publish(NAME, ["branch", "-f", "served", head], "+served:refs/pull/7/merge");
    run(["add", NAME, "--app", "--jobs", "3", "--label", "gpu=ci"]);
    run(["secret", "set", NAME, "deploy_key"], `${SECRET}\n`);
    run(["variable", "set", NAME, "REGION", "eu"]);
    expect(run(["secret", "list", NAME])).toEqual({
      items: [expect.objectContaining({ name: "DEPLOY_KEY", version: 1 })],
    });
    expect(run(["variable", "list", NAME])).toEqual({
      items: [expect.objectContaining({ name: "REGION", value: "eu" })],
    });
    expect(run(["show", NAME])).toMatchObject({ credentials: "app", maxConcurrentJobs: 3, labels: { gpu: "ci" } });

    const repository = { full_name: NAME, clone_url: upstream.url(NAME), default_branch: "main", private: true };
    const side = (ref: string) => ({ ref, sha: head, repo: repository });
    const payload = {
      ...{ action: "opened", number: 7, repository, sender: { login: "ada" }, installation: { id: 77 } },
      pull_request: { number: 7, head: side("topic"), base: side("main") },
    };
    const { headers, body } = await signedDelivery({ event: "pull_request", payload }, APP_SECRET);
    const answer = await fetch(`${server.url}/webhooks/github`, {
      method: "POST",
      headers,
      body: new Uint8Array(body),
    });
    expect([answer.status, await answer.json()]).toEqual([202, expect.objectContaining({ status: "accepted" })]);

    const state = () => github.statuses.filter(({ context }) => context === "glovebox / Test").at(-1)?.state;
    await expect.poll(state, { timeout: 90_000, interval: 100 }).toBe("failure");
    expect(github.check("Test / good")).toMatchObject({ head_sha: head, status: "completed", conclusion: "success" });
    const bad = github.check("Test / bad");
    expect(bad).toMatchObject({ head_sha: head, conclusion: "failure", output: { title: "failed: Check" } });
    expect(bad?.annotations).toContainEqual(
      expect.objectContaining({
        path: "src/a.ts",
        start_line: 3,
        annotation_level: "failure",
        message: "it is broken",
        title: "Broken",
      }),
    );
    const comments = () => [...github.comments.values()].map((comment) => String(comment.body));
    await expect.poll(() => comments()[0] ?? "", { timeout: 30_000 }).toContain("❌ failure | `Check` (7)");
    expect(comments()).toHaveLength(1);
    expect(comments()[0]).toContain("the key is ");
    expect(JSON.stringify([github.calls, server.log()])).not.toContain(SECRET);
    expect(github.problems).toEqual([]);
    expect(run(["remove", NAME, "--yes"])).toMatchObject({ deleted: true });
  });
});
