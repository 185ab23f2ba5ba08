import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
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
  async function run(words: readonly string[], input = ""): Promise<unknown> {
    const env = { ...process.env, GLOVEBOX_URL: server.url, GLOVEBOX_TOKEN: server.token };
    const child = spawn(glovebox, ["ci", "repo", ...words, "--json"], { env, timeout: 60_000 });
    child.stdin.end(input);
    const [out, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    if (code !== 0) throw new Error(`${words.join(" ")}: ${errors}`);
    return JSON.parse(out);
  }

  test("are at its head: a check run a job with annotations, a status, and one comment; the secret is nowhere", async () => {
    const head = await upstream.commit(NAME, { ".github/workflows/test.yml": WORKFLOW });
    await upstream.publish(NAME, ["branch", "-f", "served", head], "+served:refs/pull/7/merge");
    await run(["add", NAME, "--app", "--jobs", "3", "--label", "gpu=ci"]);
    await run(["secret", "set", NAME, "deploy_key"], `${SECRET}\n`);
    await run(["variable", "set", NAME, "REGION", "eu"]);
    expect(await run(["secret", "list", NAME])).toEqual({
      items: [expect.objectContaining({ name: "DEPLOY_KEY", version: 1 })],
    });
    expect(await run(["variable", "list", NAME])).toEqual({
      items: [expect.objectContaining({ name: "REGION", value: "eu" })],
    });
    expect(await run(["show", NAME])).toMatchObject({
      credentials: "app",
      maxConcurrentJobs: 3,
      labels: { gpu: "ci" },
    });

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
    expect(await run(["remove", NAME, "--yes"])).toMatchObject({ deleted: true });
  });

  test("need a repository, which the command line adds, changes, gives a webhook to and removes", async () => {
    const url = "https://ci.example.org/webhooks/github";
    const added = await run(
      ["add", "acme/hooked", "--token-file", "-", "--branch", "trunk", "--hook", url],
      "ghp_from_stdin\n",
    );
    const { webhookSecret } = added as { readonly webhookSecret: string };
    expect(added).toMatchObject({ repository: { credentials: "token", defaultBranch: "trunk", hook: { url } } });
    const registered = () => [...github.hooks.values()].map(({ config }) => config);
    expect(registered()).toEqual([expect.objectContaining({ url, secret: webhookSecret, content_type: "json" })]);
    const moved = `${url}?again`;
    const renewed = (await run(["hook", "acme/hooked", "--rotate", "--webhook-url", moved])) as {
      readonly webhookSecret: string;
    };
    expect(renewed.webhookSecret).not.toBe(webhookSecret);
    expect(registered().at(-1)).toMatchObject({ url: moved, secret: renewed.webhookSecret });
    expect(await run(["set", "acme/hooked", "--forget-token", "--jobs", "2"])).toMatchObject({
      credentials: "none",
      maxConcurrentJobs: 2,
    });
    const elsewhere = ["--forge", "gitea", "--clone-url", "https://git.example.org/acme/hooked.git"];
    const { repository } = (await run(["add", "acme/hooked", ...elsewhere])) as {
      readonly repository: { readonly id: string };
    };
    await expect(run(["show", "acme/hooked"])).rejects.toThrow("several forges");
    expect(await run(["show", repository.id])).toMatchObject({ forge: "gitea" });
    const listed = (await run(["list"])) as { readonly items: readonly { readonly fullName: string }[] };
    expect(listed.items.map(({ fullName }) => fullName)).toEqual(["acme/hooked", "acme/hooked"]);
    await run(["secret", "set", repository.id, "KEY", "--environment", "production"], SECRET);
    expect(await run(["secret", "list", repository.id])).toEqual({ items: [] });
    const place = [repository.id, "--environment", "Production"];
    expect(await run(["secret", "list", ...place])).toMatchObject({ items: [{ name: "KEY" }] });
    expect(await run(["secret", "delete", repository.id, "KEY", "--environment", "production"])).toMatchObject({
      deleted: true,
    });
    expect(await run(["secret", "list", ...place])).toEqual({ items: [] });
    await expect(run(["secret", "set", repository.id, "KEY", "on-the-command-line"])).rejects.toThrow("seen by others");
    await run(["variable", "set", repository.id, "A", "1"]);
    expect(await run(["variable", "delete", repository.id, "A"])).toMatchObject({ deleted: true });
    expect(github.problems).toEqual([]);
  });
});
