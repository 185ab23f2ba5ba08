import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { GitUpstream } from "../testing/git-upstream.ts";
import { tarEntries } from "../testing/tar-entries.ts";
import { GitCache } from "./git-cache.ts";
import type { GitRepository } from "./git-repository.ts";

const NAME = "acme/box";
const signal = AbortSignal.timeout(120_000);
let upstream: GitUpstream;
let folder: string;
let commits: string[];
let repository: GitRepository;
beforeAll(async () => {
  upstream = await GitUpstream.start();
  folder = await mkdtemp(join(tmpdir(), "glovebox-git-"));
  const first = await upstream.commit(NAME, {
    "README.md": "one\n",
    "lib/a.txt": "a\n",
    ".github/workflows/ci.yml": "on: push\n",
    ".github/workflows/evil.yml": { link: "/etc/passwd" },
    ".gitattributes": "lib export-ignore\nREADME.md export-subst\n*.txt filter=bad\n",
    out: { link: "../../../etc" },
  });
  const second = await upstream.commit(NAME, { "README.md": "two $Format:%H$\n", "lib/b.txt": "b\n" });
  const third = await upstream.commit(NAME, { "lib/a.txt": undefined });
  commits = [first, second, third];
});
beforeEach(async () => {
  upstream.authorization = undefined;
  upstream.failWith = undefined;
  repository = await new GitCache(join(folder, String(Math.random()))).repository("a key");
});
afterAll(async () => {
  await upstream[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const remote = () => ({ url: upstream.url(NAME) });

describe("a cached repository", () => {
  it("fetches one commit by its id, once, and reads its files and never its links", async () => {
    const [first = "", second = ""] = commits;
    await repository.ensure(remote(), second, { signal });
    const asked = upstream.requests.length;
    await repository.ensure(remote(), second, { signal });
    expect(upstream.requests).toHaveLength(asked);
    expect((await repository.readFile(second, "README.md", { signal }))?.toString()).toBe("two $Format:%H$\n");
    const workflows = await repository.readFiles(second, ".github/workflows", { signal });
    expect([...workflows.keys()]).toEqual([".github/workflows/ci.yml"]);
    expect(await repository.readFile(second, "nowhere/at-all", { signal })).toBeUndefined();
    expect(await repository.readFile(second, ".github/workflows/evil.yml", { signal })).toBeUndefined();
    await expect(repository.readFile(second, "README.md", { signal, maxBytes: 5 })).rejects.toMatchObject({
      code: "payload_too_large",
    });
    // Its parent is not there: only what was asked for came.
    await expect(repository.readFile(first, "README.md", { signal })).rejects.toMatchObject({ code: "not_found" });
    const all = await repository.list(second, "", { signal, deep: true });
    expect(all.map(({ path, kind }) => `${kind} ${path}`)).toEqual([
      "file .gitattributes",
      "file .github/workflows/ci.yml",
      "link .github/workflows/evil.yml",
      "file README.md",
      "file lib/a.txt",
      "file lib/b.txt",
      "link out",
    ]);
    for (const bad of ["/etc", "../x", "lib/../..", "."]) {
      await expect(repository.list(second, bad, { signal })).rejects.toMatchObject({ code: "invalid_path" });
    }
  });

  it("reads a small file once, whatever commit it is in, and no larger one than it may", async () => {
    const [first = "", second = "", third = ""] = commits;
    for (const commit of [first, second, third]) {
      await repository.ensure(remote(), commit, { signal });
      await repository.list(commit, ".github/workflows", { signal });
      await repository.list(commit, "", { signal });
    }
    const path = ".github/workflows/ci.yml";
    expect((await repository.readFile(first, path, { signal }))?.toString()).toBe("on: push\n");
    await repository.readFile(third, "README.md", { signal });
    // Without its objects, git itself can give nothing any more.
    await rm(join(repository.folder, "objects"), { recursive: true });
    for (const commit of [second, third]) {
      expect((await repository.readFile(commit, path, { signal }))?.toString()).toBe("on: push\n");
    }
    expect(await repository.readFile(second, "README.md", { signal, maxBytes: 100 })).toBeDefined();
    await expect(repository.readFile(second, "README.md", { signal, maxBytes: 5 })).rejects.toBeDefined();
    await expect(repository.readFile(first, "README.md", { signal })).rejects.toBeDefined();
  });

  it("tells what changed, and goes back as far as was asked", async () => {
    const [first = "", second = "", third = ""] = commits;
    await repository.ensure(remote(), third, { signal, depth: 2 });
    expect(await repository.parents(third, signal)).toEqual([second]);
    expect(await repository.changedFiles(second, third, signal)).toEqual(["lib/a.txt"]);
    await repository.ensure(remote(), first, { signal });
    expect(await repository.changedFiles(first, third, signal)).toEqual(["README.md", "lib/a.txt", "lib/b.txt"]);
    // The whole history is shorter than that: nothing more is asked for.
    await repository.ensure(remote(), third, { signal, depth: 10 });
    const asked = upstream.requests.length;
    await repository.ensure(remote(), third, { signal, depth: 10 });
    expect(upstream.requests).toHaveLength(asked);
  });

  it("archives every file as it is, whatever the attributes of the repository say", async () => {
    const [, second = ""] = commits;
    await repository.ensure(remote(), second, { signal });
    const entries = await tarEntries(await buffer(repository.archive(second, { signal, prefix: "repo" })));
    expect(entries.get("repo/README.md")?.text).toBe("two $Format:%H$\n");
    expect(entries.get("repo/lib/a.txt")).toMatchObject({ text: "a\n", type: "file" });
    expect(entries.get("repo/out")).toMatchObject({ type: "symlink", linkname: "../../../etc" });
    expect([...entries.keys()].every((name) => name.startsWith("repo/"))).toBe(true);
  });

  it("finds out what a tag, a branch and a whole ref stand for, and takes no pattern", async () => {
    const [first = "", second = "", third = ""] = commits;
    await upstream.publish(NAME, ["tag", "-f", "-a", "-m", "one", "v1", second], "refs/tags/v1");
    await upstream.publish(NAME, ["update-ref", "refs/pull/7/merge", first], "refs/pull/7/merge");
    expect(await repository.resolve(remote(), "v1", signal)).toBe(second);
    expect(await repository.resolve(remote(), "main", signal)).toBe(third);
    expect(await repository.resolve(remote(), "refs/heads/main", signal)).toBe(third);
    expect(await repository.resolve(remote(), "refs/pull/7/merge", signal)).toBe(first);
    expect(await repository.resolve(remote(), "HEAD", signal)).toBe(third);
    expect(await repository.resolve(remote(), "v2", signal)).toBeUndefined();
    for (const bad of ["", "*", "a b", "--upload-pack=x", "a..b", "a\n", "/x", "x.lock", "a~1", "refs/heads/.x"]) {
      await expect(repository.resolve(remote(), bad, signal)).rejects.toMatchObject({ code: "invalid_argument" });
    }
  });

  it("sends the credential to its origin, and has it neither among arguments nor on the disk", async () => {
    const [, , third = ""] = commits;
    const authorization = `Basic ${Buffer.from("x-access-token:gh5-very-secret-token").toString("base64")}`;
    upstream.authorization = authorization;
    await expect(repository.ensure(remote(), third, { signal })).rejects.toMatchObject({ code: "permission_denied" });
    await repository.ensure({ ...remote(), authorization }, third, { signal });
    for (const file of await filesUnder(repository.folder)) {
      const bytes = await readFile(file);
      expect([file, bytes.includes("very-secret"), bytes.includes(authorization.slice(6))]).toEqual([
        file,
        false,
        false,
      ]);
    }
  });

  it("says what went wrong: no such commit, no such repository, a forge that fails, too much, cancelled", async () => {
    const [, , third = ""] = commits;
    const failing = (work: Promise<unknown>) =>
      work.then(
        () => "done",
        (error: { code?: string }) => error.code,
      );
    expect(await failing(repository.ensure(remote(), "0".repeat(40), { signal }))).toBe("not_found");
    expect(await failing(repository.ensure(remote(), "main", { signal }))).toBe("invalid_argument");
    expect(await failing(repository.ensure({ url: upstream.url("acme/none") }, third, { signal }))).toBe("not_found");
    upstream.failWith = 500;
    expect(await failing(repository.ensure(remote(), third, { signal }))).toBe("forge_unavailable");
    upstream.failWith = undefined;
    const small = await new GitCache(join(folder, "small"), { maxBytes: 100 }).repository("x");
    expect(await failing(small.ensure(remote(), third, { signal }))).toBe("resource_exhausted");
    expect(await filesUnder(small.folder)).toEqual([]);
    const aborted = AbortSignal.abort(new Error("enough"));
    await expect(repository.ensure(remote(), third, { signal: aborted })).rejects.toThrow("enough");
    await repository.ensure(remote(), third, { signal });
  });

  it("lets go of the oldest commits in time, and fetches them again when they are asked for", async () => {
    const small = await new GitCache(join(folder, "tidy"), { tidyEvery: 3, keptCommits: 1 }).repository("x");
    // The oldest comes last: it is wanted now, and must not go at once.
    for (const commit of commits.toReversed()) await small.ensure(remote(), commit, { signal });
    expect((await small.list(commits[0] ?? "", "", { signal })).length).toBeGreaterThan(2);
    const packs = (await filesUnder(small.folder)).filter((file) => file.endsWith(".pack"));
    expect(packs).toHaveLength(1);
    upstream.requests.length = 0;
    const kept: boolean[] = [];
    for (const commit of commits) {
      await small.ensure(remote(), commit, { signal });
      kept.push(upstream.requests.length === 0);
      upstream.requests.length = 0;
      expect((await small.list(commit, "", { signal })).length).toBeGreaterThan(2);
    }
    // Dates are to the second, so which one is the newest is not said; one is.
    expect(kept.filter(Boolean).length).toBeGreaterThanOrEqual(1);
    expect(kept).toContain(false);
  });

  it("takes a commit from a server that gives none by its id", async () => {
    const [, second = ""] = commits;
    const served = join(upstream.folder, "served", `${NAME}.git`);
    await upstream.git(served, ["config", "uploadpack.allowAnySHA1InWant", "false"]);
    await upstream.git(served, ["config", "protocol.version", "0"]);
    const dumb = await upstream.dumb(NAME);
    await repository.ensure({ url: dumb }, second, { signal });
    expect((await repository.readFile(second, "lib/b.txt", { signal }))?.toString()).toBe("b\n");
    await expect(repository.ensure({ url: dumb }, "1".repeat(40), { signal })).rejects.toMatchObject({
      code: "not_found",
    });
  });

  it("refuses a repository that would get into the folder of git", async () => {
    const evil = await upstream.commitRaw("acme/evil", [
      ["100644", ".git"],
      ["100644", "fine"],
    ]);
    await expect(repository.ensure({ url: upstream.url("acme/evil") }, evil, { signal })).rejects.toMatchObject({
      code: "workspace_invalid",
      message: expect.stringContaining("hasDotgit"),
    });
  });
});

async function filesUnder(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
