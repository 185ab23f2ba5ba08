import { spawn } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GitUpstream } from "../testing/git-upstream.ts";
import { tarEntries } from "../testing/tar-entries.ts";
import { GitCache } from "./git-cache.ts";
import type { HistoryOptions } from "./history.ts";
import { wholeArchive } from "./whole-archive.ts";

const signal = AbortSignal.timeout(120_000);
const plain = { submodules: false, lfs: false, signal } as const;
let upstream: GitUpstream;
let folder: string;
let cache: GitCache;
beforeAll(async () => {
  upstream = await GitUpstream.start();
  folder = await mkdtemp(join(tmpdir(), "glovebox-whole-"));
  cache = new GitCache(folder);
});
afterAll(async () => {
  await upstream[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function open(name: string, commit: string) {
  const remote = { url: upstream.url(name) };
  const git = await cache.repository(name);
  await git.ensure(remote, commit, { signal });
  return { git, remote, commit };
}
const texts = async (archive: AsyncIterable<Uint8Array>) =>
  Object.fromEntries([...(await tarEntries(await buffer(archive)))].map(([name, { text }]) => [name, text]));

describe("a whole archive", () => {
  it("has submodules where asked, theirs too, from the same host and from nowhere else", async () => {
    const leaf = await upstream.commit("acme/leaf", { "leaf.txt": "leaf\n" });
    const branch = await upstream.withSubmodule("acme/branch", { path: "deep/leaf", url: "../leaf.git", commit: leaf });
    const trunk = await upstream.withSubmodule("acme/trunk", {
      path: "mod",
      url: upstream.url("acme/branch"),
      commit: branch,
    });
    const root = await open("acme/trunk", trunk);
    expect(Object.keys(await texts(await wholeArchive(cache, root, plain))).toSorted()).toEqual([
      ".gitmodules",
      "own.txt",
    ]);
    const one = await texts(await wholeArchive(cache, root, { ...plain, submodules: true }));
    expect(Object.keys(one).toSorted()).toEqual([".gitmodules", "mod/.gitmodules", "mod/own.txt", "own.txt"]);
    const all = await texts(await wholeArchive(cache, root, { ...plain, submodules: "recursive" }));
    expect(all["mod/deep/leaf/leaf.txt"]).toBe("leaf\n");
    for (const url of ["http://127.0.0.1:1/x.git", "file:///etc", "/etc", "ext::sh -c id", "ssh://git@example.org/x"]) {
      const evil = await upstream.withSubmodule("acme/evil", { path: "mod", url, commit: leaf });
      const refused = wholeArchive(cache, await open("acme/evil", evil), { ...plain, submodules: true });
      await expect(refused).rejects.toMatchObject({ code: "permission_denied" });
    }
  });

  it("has large files where asked, each as long and with the hash that it says, and links and modes as they are", async () => {
    const large = "large file\n".repeat(10_000);
    const oid = createHash("sha256").update(large).digest("hex");
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${large.length}\n`;
    const commit = await upstream.commit("acme/lfs", {
      "a/large.bin": pointer,
      "small.txt": "s\n",
      link: { link: "small.txt" },
    });
    const root = await open("acme/lfs", commit);
    let served = large;
    const asked: string[] = [];
    const server = createServer(async (request, answer) => {
      asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? ""}`);
      if (request.method === "GET") return void answer.end(served);
      const { objects } = JSON.parse((await buffer(request)).toString());
      const href = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
      const found = objects.map((object: object) => ({
        ...object,
        actions: { download: { href, header: { Authorization: "signed" } } },
      }));
      answer.end(JSON.stringify({ transfer: "basic", objects: found }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/acme/lfs.git`;
      const withLfs = { ...root, remote: { url, authorization: "Basic x" } };
      served = large.replace("large", "other");
      await expect(wholeArchive(cache, withLfs, { ...plain, lfs: true })).rejects.toMatchObject({
        code: "forge_unavailable",
      });
      served = large;
      const entries = await tarEntries(await buffer(await wholeArchive(cache, withLfs, { ...plain, lfs: true })));
      expect(entries.get("a/large.bin")?.text).toBe(large);
      expect(entries.get("small.txt")).toMatchObject({ text: "s\n", type: "file" });
      expect(entries.get("link")).toMatchObject({ type: "symlink", linkname: "small.txt" });
      expect(asked).toContain("POST /acme/lfs.git/info/lfs/objects/batch Basic x");
      expect(asked).toContain("GET /file signed");
      // It is here now, and not asked for again.
      asked.length = 0;
      await buffer(await wholeArchive(cache, withLfs, { ...plain, lfs: true }));
      expect(asked).toEqual([]);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    expect((await texts(await wholeArchive(cache, root, plain)))["a/large.bin"]).toBe(pointer);
  });

  it("has a .git with as much of the history as is asked for, and nothing of the cache or its credentials", async () => {
    const name = `acme/history-${randomUUID()}`;
    const first = await upstream.commit(name, { "a.txt": "1\n", "run.sh": "#!/bin/sh\n" });
    await upstream.publish(name, ["tag", "-a", "-m", "one", "v1"], "refs/tags/v1");
    await upstream.commit(name, { "a.txt": "2\n" });
    const third = await upstream.commit(name, { "a.txt": "3\n" });
    await upstream.commit(name, { "b.txt": "b\n" }, { branch: "topic", from: first });
    const root = await open(name, third);
    const unpacked = async (history: HistoryOptions, from = root) => {
      const archive = await wholeArchive(cache, from, { ...plain, history });
      const work = await mkdtemp(join(folder, "work-"));
      const tar = spawn("tar", ["-x", "-C", work], { stdio: ["pipe", "ignore", "inherit"] });
      const done = new Promise((resolve) => tar.once("close", resolve));
      // It may have ended before its stdin is seen to finish; then its exit code counts.
      await pipeline(archive, tar.stdin).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
      });
      expect(await done).toBe(0);
      return (...args: readonly string[]) => upstream.git(work, args);
    };
    const one = await unpacked({ depth: 1, tags: false, ref: "refs/heads/main" });
    expect(await one("status", "--short", "--branch")).toBe("## main...origin/main\n");
    expect((await one("log", "--format=%H")).trim()).toBe(third);
    expect(await one("tag")).toBe("");
    const two = await unpacked({ depth: 2, tags: true, ref: "refs/tags/v2" });
    expect((await two("log", "--format=%s")).trim().split("\n")).toHaveLength(2);
    expect([await two("status", "--short", "--branch"), await two("tag")]).toEqual(["## HEAD (no branch)\n", "v1\n"]);
    const all = await unpacked({ depth: 0, tags: false, ref: "refs/heads/main" });
    expect((await all("log", "--format=%s")).trim().split("\n")).toHaveLength(3);
    expect(await all("describe")).toMatch(/^v1-2-g/);
    expect(await all("branch", "--remotes")).toBe("  origin/main\n  origin/topic\n");
    expect(await all("fsck", "--strict")).toBe("");
    expect((await all("config", "remote.origin.url")).trim()).toBe(upstream.url(name));
    // Branches are where they are now, and the commit where it was.
    await upstream.publish(name, ["branch", "-f", "served", first], "+served:refs/heads/main");
    const later = await unpacked({ depth: 0, tags: false, ref: "refs/heads/main" });
    expect((await later("rev-parse", "HEAD", "origin/main")).trim().split("\n")).toEqual([third, first]);
    const secret = { ...root, remote: { ...root.remote, authorization: "Basic c2VjcmV0LWhlcmU=" } };
    const quiet = await unpacked({ depth: 1, tags: true, ref: "" }, secret);
    expect(await quiet("config", "--list")).not.toContain("c2VjcmV0");
    expect((await quiet("for-each-ref", "--format=%(refname)")).split("\n")).not.toContain("refs/glovebox/checkout");
    expect((await readdir(tmpdir())).filter((entry) => entry.startsWith("glovebox-history-"))).toEqual([]);
  });

  it("ends with its reader, and with an error when git fails", async () => {
    const commit = await upstream.commit("acme/plain", { "a.txt": "a".repeat(100_000), "b.txt": "b" });
    const root = await open("acme/plain", commit);
    for await (const _part of await wholeArchive(cache, root, { ...plain, submodules: true })) break;
    const late = new AbortController();
    const archive = await wholeArchive(cache, root, { ...plain, submodules: true, signal: late.signal });
    late.abort(new Error("enough"));
    await expect(buffer(archive)).rejects.toThrow();
  });
});
