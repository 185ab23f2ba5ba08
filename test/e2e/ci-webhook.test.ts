import { createHmac, randomUUID } from "node:crypto";
import type { CiRun, Glovebox } from "@glovebox/sdk";
import { Glovebox as Client } from "@glovebox/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GitUpstream } from "../../packages/glovebox/src/forges/testing/git-upstream.ts";
import { logOf } from "../support/ci.ts";
import { startServer, type TestServer } from "../support/server.ts";

const NAME = "acme/shop";
const FILES = {
  ".github/workflows/test.yml": `name: Test
on: [push, pull_request]
jobs:
  lint:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: cat greeting.txt
  test:
    needs: lint
    runs-on: ubuntu-latest
    strategy: {matrix: {os: [a, b], n: [1, 2]}}
    steps:
      - run: echo "\${{ matrix.os }} \${{ matrix.n }} got <\${{ secrets.TOKEN }}> var=\${{ vars.KIND }}"
`,
  ".github/workflows/composite.yml": `name: Composite
on: push
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with: {fetch-depth: 0}
      - run: git status --short --branch && git describe && git log --format=%s
      - id: local
        uses: ./.github/actions/greet
        with: {who: world}
      - run: echo "it said \${{ steps.local.outputs.said }}"
`,
  ".github/actions/greet/action.yml": `name: Greet
inputs: {who: {required: true}}
outputs: {said: {value: "\${{ steps.say.outputs.said }}"}}
runs:
  using: composite
  steps:
    - id: say
      shell: bash
      run: echo "said=hello \${{ inputs.who }}" >> "$GITHUB_OUTPUT"
`,
  ".github/workflows/other.yml": `name: Other
on: {push: {branches: [release/*]}}
jobs: {one: {runs-on: ubuntu-latest, steps: [{run: exit 1}]}}
`,
  ".github/workflows/deploy.yml": `name: Deploy
on: workflow_dispatch
jobs:
  one:
    runs-on: ubuntu-latest
    environment: production
    steps:
      - run: echo "$KEY" > key && echo "::add-mask::named-by-a-step-4711" && echo named-by-a-step-4711 > named && exit 1
        env: {KEY: "\${{ secrets.KEY }}"}
`,
  "greeting.txt": "good morning\n",
};

describe("deliveries of a forge", { timeout: 120_000 }, () => {
  let upstream: GitUpstream;
  let server: TestServer;
  let box: Glovebox;
  let secret: string;
  let repositoryId: string;
  let sha: string;

  beforeAll(async () => {
    upstream = await GitUpstream.start();
    await upstream.commit(NAME, { "greeting.txt": "good night\n" });
    await upstream.publish(NAME, ["tag", "-a", "-m", "one", "v1"], "refs/tags/v1");
    sha = await upstream.commit(NAME, FILES);
    server = await startServer({ env: { GLOVEBOX_CI_GITHUB_URL: upstream.origin } });
    box = await Client.connect({ url: server.url, token: server.token });
    const made = await box.repositories.create({ fullName: NAME });
    secret = made.webhookSecret;
    repositoryId = made.repository.id;
    await box.repositories.secrets.set(repositoryId, "TOKEN", "r3pository-s3cret");
    await box.repositories.variables.set(repositoryId, "KIND", "plain");
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });

  const repository = () => ({
    full_name: NAME,
    clone_url: upstream.url(NAME),
    default_branch: "main",
    private: false,
    name: "shop",
    owner: { login: "acme" },
  });
  const deliver = async (event: string, payload: object, id: string = randomUUID()) => {
    const body = JSON.stringify({ repository: repository(), sender: { login: "ada" }, ...payload });
    const answer = await fetch(`${server.url}/webhooks/github`, {
      method: "POST",
      body,
      headers: {
        "content-type": "application/json",
        "x-github-event": event,
        "x-github-delivery": id,
        "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
      },
    });
    await answer.text();
    return { id, status: answer.status };
  };
  /** The runs that a delivery began, once there are that many and all are completed. */
  const ended = async (delivery: string, count: number): Promise<readonly CiRun[]> => {
    for (;;) {
      const { items } = await box.ci.list({ repositoryId, limit: 100 });
      const begun = items.filter(({ event }) => event.deliveryId === delivery);
      if (begun.length >= count) return Promise.all(begun.map(({ id }) => box.ci.wait(id)));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  test("a push runs the workflows that it starts, at its commit, once", async () => {
    const push = { ref: "refs/heads/main", before: "0".repeat(40), after: sha, deleted: false, commits: [] };
    const { id, status } = await deliver("push", push);
    expect(status).toBe(202);
    const runs = await ended(id, 2);
    expect(runs.map(({ title, conclusion }) => [title, conclusion]).toSorted()).toEqual([
      ["Composite", "success"],
      ["Test", "success"],
    ]);
    const run = runs.find(({ title }) => title === "Test");
    expect(run).toMatchObject({
      repository: NAME,
      event: { name: "push", sha, actor: "ada", isFork: false },
      number: 1,
    });
    expect(run?.jobs.map(({ name }) => name)).toEqual([
      "lint",
      "test (a, 1)",
      "test (a, 2)",
      "test (b, 1)",
      "test (b, 2)",
    ]);
    const log = await logOf(box, run?.id ?? "");
    expect(log).toContain("good morning");
    expect(log).toContain("a 1 got <[redacted]> var=plain");
    const composite = runs.find(({ title }) => title === "Composite");
    expect(await logOf(box, composite?.id ?? "")).toContain("it said hello world");
    // With the history that it asked for: on its branch, nothing changed, two commits, one of them with a tag.
    const lines = (await logOf(box, composite?.id ?? "")).split("\n");
    expect(lines).toEqual(
      expect.arrayContaining(["## main...origin/main", expect.stringMatching(/^v1-1-g[0-9a-f]+$/)]),
    );
    expect(lines.filter((line) => line === "Change")).toHaveLength(2);

    await deliver("push", push, id);
    const later = await deliver("push", { ...push, ref: "refs/heads/release/1" });
    expect((await ended(later.id, 3)).find(({ title }) => title === "Other")?.conclusion).toBe("failure");
    const { items } = await box.ci.list({ repositoryId, limit: 100 });
    expect(items.filter(({ event }) => event.deliveryId === id)).toHaveLength(2);
    expect((await box.sessions.list({ status: ["starting", "ready"] })).items).toEqual([]);
  });

  test("a pull request from a fork sees no secrets", async () => {
    await upstream.publish(NAME, ["branch", "-f", "served", sha], "+served:refs/pull/7/merge");
    const head = { ref: "feature", sha, repo: { ...repository(), full_name: "mallory/shop", fork: true, id: 2 } };
    const base = { ref: "main", sha, repo: { ...repository(), id: 1 } };
    const pull = {
      number: 7,
      head,
      base,
      merge_commit_sha: sha,
      state: "open",
      title: "x",
      user: { login: "mallory" },
    };
    const { id } = await deliver("pull_request", { action: "opened", number: 7, pull_request: pull });
    const [run] = await ended(id, 1);
    expect(run).toMatchObject({ conclusion: "success", event: { isFork: true, pullRequest: 7, name: "pull_request" } });
    expect(await logOf(box, run?.id ?? "")).toContain("a 1 got <> var=plain");
  });

  test("a session made from a failed job's state masks the secrets of its environment, and what its steps named", async () => {
    await box.repositories.secrets.set(repositoryId, "KEY", "of-production-only", { environment: "production" });
    const workflows = [".github/workflows/deploy.yml"];
    const source = { kind: "repository", repositoryId } as const;
    const { items } = await box.ci.start({ source, workflows, event: { name: "workflow_dispatch" } });
    const run = await box.ci.wait(items[0]?.id ?? "");
    expect([run.conclusion, run.jobs[0]?.environment?.name]).toEqual(["failure", "production"]);
    const { sessionId } = await box.ci.debug(run.id, "one");
    const session = await box.sessions.get(sessionId);
    const { stdout } = await session.run("wc -c < repo/key; cat repo/key repo/named", { language: "bash" });
    expect(stdout).toBe("19\n[redacted]\n[redacted]\n");
    await session.close();
  });

  test("a workflow is dispatched by hand, with inputs that are checked", async () => {
    const form = `on: {workflow_dispatch: {inputs: {n: {type: number, required: true}}}}
jobs: {one: {runs-on: ubuntu-latest, steps: [{run: "echo n=\${{ inputs.n }}"}]}}
`;
    await upstream.commit(NAME, { ".github/workflows/form.yml": form });
    const start = (inputs: Record<string, string>) =>
      box.ci.start({
        source: { kind: "repository", repositoryId },
        workflows: [".github/workflows/form.yml"],
        event: { name: "workflow_dispatch" },
        inputs,
      });
    const { items } = await start({ n: "12" });
    const run = await box.ci.wait(items[0]?.id ?? "");
    expect(run).toMatchObject({ conclusion: "success", event: { ref: "refs/heads/main" } });
    expect(await logOf(box, run.id)).toContain("n=12");
    await expect(start({})).rejects.toMatchObject({ code: "invalid_argument" });
  });
});
