import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { silentLogger, systemClock } from "../../core/index.ts";
import {
  createActionSource,
  createGiteaForge,
  createGitHubForge,
  createLocalForge,
  type ForgeEvent,
  GitCache,
} from "../../forges/index.ts";
import { FakeGitHub } from "../../forges/testing/fake-github.ts";
import { GitUpstream } from "../../forges/testing/git-upstream.ts";
import { tarEntries } from "../../forges/testing/tar-entries.ts";
import { createSecrets } from "../../governance/index.ts";
import { openSqliteStore, type Store } from "../../store/index.ts";
import { withCommit } from "../webhooks/pull-request-commit.ts";
import { createCiRepositories } from "./ci-repositories.ts";
import { createRepositoryGit } from "./repository-git.ts";
import type { RepositoryRules } from "./repository-input.ts";
import { RepositoryKeys } from "./repository-keys.ts";
import { createRepositoryService } from "./repository-service.ts";
import { RepositoryValues } from "./repository-values.ts";

const TENANT = "default";
const { privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});
const SECRET = "correct horse battery staple";
const signal = AbortSignal.timeout(120_000);
let dataDir: string;
let store: Store;
let github: FakeGitHub;
let upstream: GitUpstream;
beforeAll(async () => {
  upstream = await GitUpstream.start();
  github = await FakeGitHub.start();
});
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "glovebox-repositories-"));
  store = await openSqliteStore({ dataDir });
});
afterEach(async () => {
  expect(github.problems).toEqual([]);
  await store[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true, force: true });
});
afterAll(async () => {
  await github[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

function room(change: Partial<RepositoryRules> = {}) {
  const { secrets, authorities, sealedValues } = store;
  const keyFile = join(dataDir, "secrets.key");
  const governed = createSecrets({
    secrets,
    authorities,
    sealedValues,
    keyFile,
    clock: systemClock,
    logger: silentLogger,
  });
  const keys = new RepositoryKeys(governed.sealedValues);
  const values = new RepositoryValues(governed.sealedValues);
  const forges = {
    github: createGitHubForge({ apiUrl: github.url, clock: systemClock, app: { appId: "1", privateKey } }),
    gitea: createGiteaForge(),
    local: createLocalForge(),
  };
  const gitHub = { url: upstream.origin, apiUrl: github.url };
  const rules = {
    gitHubUrl: upstream.origin,
    localFolders: [join(upstream.folder, "served")],
    appTenants: [TENANT],
    hasApp: true,
    ...change,
  };
  const cache = new GitCache(join(dataDir, "git"));
  const actions = createActionSource({ cache, url: upstream.origin, allow: [], logger: silentLogger });
  return {
    service: createRepositoryService({ store: store.repositories, keys, values, forges, rules, clock: systemClock }),
    git: createRepositoryGit({ store: store.repositories, keys, forges, cache, actions }),
    repositories: createCiRepositories({ store: store.repositories, values, forges, gitHub }),
  };
}
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "done",
    (error: { code?: string }) => error.code,
  );

describe("repositories", () => {
  it("keep tokens, secrets and variables sealed, environments over the repository, and give no secret out", async () => {
    const { service, repositories } = room();
    const input = { forge: "github", fullName: "acme/box", token: "ghp_a_very_secret_token" } as const;
    const { repository, webhookSecret } = await service.add(TENANT, input);
    const { id } = repository;
    const mine = { tenantId: TENANT, id };
    const production = { ...mine, environment: "Production" };
    await service.setSecret(mine, { name: "deploy_key", value: SECRET });
    await service.setSecret(
      { ...mine, environment: "production" },
      { name: "DEPLOY_KEY", value: `${SECRET} of production` },
    );
    await service.setVariable(mine, { name: "REGION", value: "eu" });
    await service.setVariable(production, { name: "REGION", value: "us" });
    expect(await service.listSecrets(mine)).toEqual([expect.objectContaining({ name: "DEPLOY_KEY", version: 1 })]);
    expect((await service.listVariables(production)).map(({ name, value }) => [name, value])).toEqual([
      ["REGION", "us"],
    ]);
    expect(await repositories.secrets(TENANT, id)).toEqual({ DEPLOY_KEY: SECRET });
    expect(await repositories.secrets(TENANT, id, "PRODUCTION")).toEqual({ DEPLOY_KEY: `${SECRET} of production` });
    expect(await repositories.variables(TENANT, id)).toEqual({ REGION: "eu" });
    // Of another tenant there is nothing to be found, whatever it asks for.
    expect([await repositories.secrets("other", id), await repositories.get("other", id)]).toEqual([{}, undefined]);
    const theirs = [
      service.get("other", id),
      service.listSecrets({ tenantId: "other", id }),
      service.remove("other", id, signal),
    ];
    expect(await Promise.all(theirs.map(codeOf))).toEqual(theirs.map(() => "not_found"));
    const shown = JSON.stringify([
      await service.get(TENANT, id),
      await service.list(TENANT),
      await service.listSecrets(production),
    ]);
    for (const secret of [SECRET, webhookSecret, "ghp_a_very"]) {
      expect(shown).not.toContain(secret);
      for (const file of await readdir(dataDir, { recursive: true, withFileTypes: true })) {
        if (!file.isFile()) continue;
        const bytes = await readFile(join(file.parentPath, file.name));
        expect([file.name, bytes.includes(secret)]).toEqual([file.name, false]);
      }
    }
    await service.deleteSecret(mine, "deploy_key");
    expect(await codeOf(service.deleteSecret(mine, "deploy_key"))).toBe("not_found");
    await service.remove(TENANT, id, signal);
    expect(await store.sealedValues.scopes(TENANT, "repository/")).toEqual([]);
  });

  it("refuse names and values that could not be kept, masked or found again", async () => {
    const { service } = room();
    const { repository } = await service.add(TENANT, { forge: "github", fullName: "acme/box" });
    const mine = { tenantId: TENANT, id: repository.id };
    const bad = [
      ...["1A", "A-B", "GITHUB_TOKEN", "github_x", "", "A".repeat(300)].map((name) => ({ name, value: SECRET })),
      ...["short", "     x     ", "a\0bcdefgh", "x".repeat(49_153), "\ud800abcdefg"].map((value) => ({
        name: "A",
        value,
      })),
    ];
    for (const input of bad)
      expect([input.name, await codeOf(service.setSecret(mine, input))]).toEqual([input.name, "invalid_argument"]);
    for (const environment of ["", "a/b", "a\nb", "x".repeat(256)]) {
      expect(await codeOf(service.setSecret({ ...mine, environment }, { name: "A", value: SECRET }))).toBe(
        "invalid_argument",
      );
    }
    await service.setVariable(mine, { name: "A", value: "" });
  });

  it("are fetched from where they may be, and reached as the App by whom it is for", async () => {
    const { service } = room();
    const add = (input: object, tenantId = TENANT, using = service) =>
      codeOf(using.add(tenantId, { forge: "local", fullName: "acme/box", ...input }));
    const served = join(upstream.folder, "served");
    expect(await add({})).toBe("invalid_argument");
    expect(await add({ cloneUrl: "/etc" })).toBe("permission_denied");
    expect(await add({ cloneUrl: `${served}/../work/acme` })).toBe("permission_denied");
    for (const cloneUrl of [
      "file:///etc",
      "ssh://git@example.org/x",
      "ext::sh -c id",
      "https://me:pass@example.org/x",
      "https://example.org/x?y",
    ]) {
      expect([cloneUrl, await add({ cloneUrl })]).toEqual([cloneUrl, "invalid_argument"]);
    }
    expect(await add({ forge: "gitea", cloneUrl: "/srv/git/x" })).toBe("invalid_argument");
    expect(await add({ forge: "github", cloneUrl: "https://evil.example/acme/box.git" })).toBe("invalid_argument");
    expect(await add({ forge: "github", useApp: true }, "other")).toBe("permission_denied");
    expect(await add({ forge: "github", useApp: true }, TENANT, room({ hasApp: false }).service)).toBe(
      "invalid_argument",
    );
    expect(await add({ forge: "github", useApp: true, token: "x" })).toBe("invalid_argument");
    expect(await add({ cloneUrl: `${served}/acme/box.git` })).toBe("done");
    expect(await add({ forge: "github", useApp: true })).toBe("done");
    expect(await add({ forge: "github", fullName: "ACME/box" })).toBe("already_exists");
  });

  it("have their webhook registered at the forge, once, renewed, and removed with them", async () => {
    const { service } = room();
    const url = "https://ci.example.org/webhooks/github";
    const { repository, webhookSecret } = await service.add(TENANT, {
      forge: "github",
      fullName: "acme/hooked",
      token: "ghp_x",
    });
    const { id } = repository;
    const first = await service.hook(TENANT, id, { url }, signal);
    expect([first.webhookSecret, first.repository.hook?.url]).toEqual([undefined, url]);
    const config = () => [...github.hooks.values()].map(({ config }) => (config as { readonly secret: string }).secret);
    expect(config()).toEqual([webhookSecret]);
    const second = await service.hook(TENANT, id, { rotate: true }, signal);
    expect(config()).toEqual([second.webhookSecret]);
    expect(second.webhookSecret).not.toBe(webhookSecret);
    // Without its token nobody can register it, and it is said.
    expect(
      await service.change(TENANT, id, { token: null, maxConcurrentJobs: 2, labels: { "ubuntu-latest": "ci" } }),
    ).toMatchObject({
      ...{ credentials: "none", maxConcurrentJobs: 2, labels: { "ubuntu-latest": "ci" } },
    });
    expect(await codeOf(service.hook(TENANT, id, { url }, signal))).toBe("invalid_argument");
    const back = await service.change(TENANT, id, { token: "ghp_y", maxConcurrentJobs: null });
    expect([back.credentials, back.maxConcurrentJobs]).toEqual(["token", undefined]);
    await service.remove(TENANT, id, signal);
    expect(github.hooks.size).toBe(0);
  });
});

describe("a job's token", () => {
  it("is the App's, for the one repository, with no more than the workflow asks for; a token of people's is for nobody", async () => {
    const { service, repositories } = room();
    const { repository } = await service.add(TENANT, { forge: "github", fullName: "acme/box", useApp: true });
    const tokenWith = (permissions?: Parameters<typeof repositories.token>[2]) =>
      repositories.token(TENANT, repository.id, permissions, signal);
    expect(await tokenWith()).toBe("ghs_installation_77");
    await tokenWith({ contents: "write", "pull-requests": "read", issues: "none", "id-token": "write" });
    await tokenWith("read-all");
    const asked = github.calls.filter(({ operation }) => operation === "apps/create-installation-access-token");
    expect(asked.map(({ body }) => body)).toEqual([
      { repositories: ["box"], permissions: { contents: "read", metadata: "read" } },
      { repositories: ["box"], permissions: { contents: "write", pull_requests: "read", metadata: "read" } },
      { repositories: ["box"], permissions: expect.objectContaining({ contents: "read", issues: "read" }) },
    ]);
    const plain = await service.add(TENANT, { forge: "github", fullName: "acme/plain", token: "ghp_mine" });
    expect(await repositories.token(TENANT, plain.repository.id, "write-all", signal)).toBeUndefined();
    expect(await repositories.token("other", repository.id, undefined, signal)).toBeUndefined();
  });
});

describe("the commits of repositories", () => {
  it("are read, listed, compared and packed for runs; other repositories only as everybody sees them", async () => {
    const first = await upstream.commit("acme/code", { "a.txt": "1", ".github/workflows/ci.yml": "on: push" });
    const second = await upstream.commit("acme/code", { "a.txt": "2" });
    await upstream.commit("acme/other", { "other.txt": "o" });
    const { service, git } = room();
    const { repository } = await service.add(TENANT, { forge: "github", fullName: "acme/code", token: "ghp_mine" });
    const at = [TENANT, repository.id] as const;
    expect(await git.resolve(...at, "main", signal)).toBe(second);
    const where = { sha: second, folder: ".github/workflows", wanted: (path: string) => path.endsWith(".yml") };
    expect([...(await git.readFiles(...at, where, signal)).keys()]).toEqual([".github/workflows/ci.yml"]);
    expect(await git.read(...at, second, "a.txt", signal)).toBe("2");
    expect(await git.changedFiles(...at, { before: first, sha: second }, signal)).toEqual(["a.txt"]);
    expect(await git.changedFiles(...at, { before: "d".repeat(40), sha: second }, signal)).toBeUndefined();
    const own = await tarEntries(await buffer(await git.source(...at, { sha: first }, signal)));
    expect(own.get("a.txt")?.text).toBe("1");
    upstream.requests.length = 0;
    const other = await git.source(...at, { sha: first, repository: "acme/other" }, signal);
    expect([...(await tarEntries(await buffer(other))).keys()]).toEqual(["other.txt"]);
    // Whose token it is has no say over other repositories, and whoever can change a workflow has none over the token.
    expect(upstream.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
    const missing = [
      git.read(...at, second, "none.txt", signal),
      git.resolve(...at, "none", signal),
      git.resolve("other", repository.id, "main", signal),
    ];
    expect(await Promise.all(missing.map(codeOf))).toEqual(missing.map(() => "not_found"));
    expect(await codeOf(git.source(...at, { sha: first, repository: "../../etc" }, signal))).toBe("invalid_argument");
    expect(await codeOf(git.action({ owner: "evil", repo: "x", ref: "v1" }, signal))).toBe("policy_denied");
  });

  it("of a pull request are its merge once that is of this head, else the head", async () => {
    await upstream.commit("acme/pulled", { "base.txt": "b" });
    const head = await upstream.commit("acme/pulled", { "new.txt": "n" }, { branch: "topic", from: "main" });
    const base = await upstream.commit("acme/pulled", { "base.txt": "later" });
    const merge = await upstream.publish(
      "acme/pulled",
      ["merge", "--no-ff", "-m", "Merge", "topic"],
      "main:refs/pull/7/merge",
    );
    const { service, git } = room();
    const { repository } = await service.add(TENANT, { forge: "github", fullName: "acme/pulled" });
    const open = () => git.open(TENANT, repository.id, signal);
    const event = { name: "pull_request", action: "opened", ref: "refs/pull/7/merge", headSha: head } as ForgeEvent;
    const complete = await withCommit(event, open, signal);
    expect([complete.sha, complete.before]).toEqual([merge, base]);
    const range = { before: complete.before ?? "", sha: complete.sha ?? "" };
    // What the merge brings, and nothing that came to the base meanwhile.
    expect(await git.changedFiles(TENANT, repository.id, range, signal)).toEqual(["new.txt"]);
    const newer = { ...event, headSha: "e".repeat(40) };
    expect((await withCommit(newer, open, signal)).sha).toBe(newer.headSha);
    expect((await withCommit({ ...event, action: "closed" }, open, signal)).sha).toBe(head);
    expect((await withCommit({ ...event, ref: "refs/pull/8/merge" }, open, signal)).sha).toBe(head);
  });
});
