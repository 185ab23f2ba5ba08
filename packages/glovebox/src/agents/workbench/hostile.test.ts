import { execFileSync } from "node:child_process";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pack } from "tar-stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { defineProgram } from "../../engine/index.ts";
import { openRunStage, type RunStage } from "../../runs/testing/run-stage.ts";
import { TENANT } from "../../sessions/testing/stage.ts";
import { makeRepository } from "../testing/repository.ts";
import { readListing } from "./list-files.ts";
import { makeDiff } from "./make-diff.ts";
import { readArchive } from "./read-archive.ts";
import type { RepositorySource } from "./repository-tree.ts";
import { Workbench, type WorkbenchParts } from "./workbench.ts";

const any = { input: z.unknown(), output: z.unknown() };

type Entry = Parameters<ReturnType<typeof pack>["entry"]>[0] & { readonly content?: string };

function tarOf(...entries: readonly Entry[]): AsyncIterable<Uint8Array> {
  const tar = pack();
  for (const { content, ...header } of entries) tar.entry(header, content ?? "");
  tar.finalize();
  return tar as unknown as AsyncIterable<Uint8Array>;
}

async function drain(source: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _piece of source) void _piece;
}

describe("a hostile repository", { timeout: 90_000 }, () => {
  let at: RunStage;
  let counter = 0;
  beforeAll(async () => {
    at = await openRunStage();
  });
  afterAll(() => at[Symbol.asyncDispose]());

  const open = async <T>(
    source: RepositorySource,
    work: (bench: Workbench) => Promise<T>,
    places: Partial<WorkbenchParts> = { folders: true, blobs: at.stage.store.blobs },
  ): Promise<T> => {
    counter += 1;
    const program = defineProgram({
      name: `hostile-${counter}`,
      version: "1",
      ...any,
      run: async (context) =>
        work(await Workbench.open(context, { sandboxes: at.sandboxes, ...places }, source, { template: "python" })),
    });
    const id = await at.start(program, {});
    return (await at.engine.result(TENANT, id, AbortSignal.timeout(60_000))) as T;
  };

  it("that is none, or of a kind that the server does not take, is refused", async () => {
    await using repository = await makeRepository({ "a.txt": "a\n" });
    const plain = join(at.stage.dir, "plain");
    await mkdir(plain);
    await expect(open({ kind: "folder", path: plain }, async () => 1)).rejects.toMatchObject({
      code: "invalid_argument",
    });
    const gone = { kind: "folder" as const, path: "/nonexistent/repository" };
    await expect(open(gone, async () => 1)).rejects.toMatchObject({ code: "invalid_argument" });
    const folder = { kind: "folder" as const, path: repository.path };
    await expect(open(folder, async () => 1, {})).rejects.toMatchObject({ code: "unavailable" });
    const known = { kind: "repository" as const, repositoryId: "x" };
    await expect(open(known, async () => 1)).rejects.toMatchObject({ code: "unavailable" });
    const archive = { kind: "archive" as const, sha256: "0".repeat(64) };
    await expect(open(archive, async () => 1)).rejects.toMatchObject({ code: "not_found" });
  });

  it("that the server knows is taken at the commit that its forge gives", async () => {
    const asked: unknown[] = [];
    const commit = "c".repeat(40);
    const known: NonNullable<WorkbenchParts["known"]> = async (tenantId, id, ref) => {
      asked.push([tenantId, id, ref]);
      return { commit, tar: tarOf({ name: "a.txt", content: "a\n" }) };
    };
    const source = { kind: "repository" as const, repositoryId: "r1", ref: "main" };
    const base = await open(source, async (bench) => bench.base, { known });
    expect(asked).toEqual([[TENANT, "r1", "main"]]);
    expect(base).toMatchObject({ head: commit, dirty: false, files: [{ path: "a.txt", size: 2 }] });
  });

  it("runs nothing of its own on the server, and leads to no file outside", async () => {
    await using repository = await makeRepository({
      "a.txt": "a\n",
      "inside/b.txt": "b\n",
      ".gitattributes": "* filter=evil\n",
    });
    const mark = join(at.stage.dir, "ran");
    for (const key of [
      "core.fsmonitor",
      "filter.evil.clean",
      "filter.evil.smudge",
      "filter.evil.process",
      "core.pager",
    ]) {
      await repository.git("config", key, `touch ${mark}`);
    }
    await writeFile(join(repository.path, ".git/hooks/post-index-change"), `#!/bin/sh\ntouch ${mark}\n`, {
      mode: 0o755,
    });
    // A folder that git knows has become a link to one of the machine's.
    await rm(join(repository.path, "inside"), { recursive: true });
    const outside = join(at.stage.dir, "outside");
    await mkdir(outside);
    await writeFile(join(outside, "b.txt"), "of the machine\n");
    await symlink(outside, join(repository.path, "inside"));
    execFileSync("mkfifo", [join(repository.path, "pipe")]);
    const base = await open({ kind: "folder", path: repository.path }, async (bench) => bench.base);
    expect(base.files.map(({ path }) => path)).toEqual([".gitattributes", "a.txt"]);
    expect(base.skipped).toEqual([{ path: "inside", reason: "link_out" }]);
    expect(base.dirty).toBe(true);
    expect(() => execFileSync("ls", [mark], { stdio: "ignore" })).toThrow();
  });

  it("whose tests make pipes, links and locked files, or change what the base was, spoils nothing unseen", async () => {
    const seen = await open(
      {
        kind: "archive",
        sha256: (
          await at.stage.store.blobs.put(tarOf({ name: "a.txt", content: "a\n" }, { name: "b.txt", content: "b\n" }))
        ).hash,
      },
      async (bench) => {
        const script =
          "mkfifo pipe; ln -s /etc/passwd link; ln -sf /etc/passwd b.txt; echo x > locked; chmod 000 locked; mkdir -p .git && echo y > .git/config; printf 'n' > \"$(printf 'odd\\nname')\"";
        await bench.work("spoil", {}, (_input, inside) => inside.run(["sh", "-c", script]));
        const diff = await bench.diff("diff");
        const tree = await bench.tree();
        const read = await bench.read("pipe", ["pipe"]).catch((error: unknown) => String(error));
        const onPipe = await bench.apply("on a pipe", makeDiff([{ path: "pipe", before: null, after: "x\n" }]));
        const onLink = await bench.apply("on a link", makeDiff([{ path: "b.txt", before: "b\n", after: "c\n" }]), {
          onDrift: "refuse",
        });
        await bench.work("forge", {}, (_input, inside) =>
          inside.run(["sh", "-c", "echo forged > /workspace/.glovebox/base/a.txt; echo changed > a.txt"]),
        );
        const forged = await bench.diff("forged").catch((error: unknown) => String(error));
        return { diff, tree, read, onPipe, onLink, forged };
      },
    );
    expect(seen.tree.files.map(({ path }) => path)).toEqual(["a.txt"]);
    expect(seen.diff.files).toMatchObject([{ path: "b.txt", newHash: null }]);
    expect(seen.read).toContain("no regular file");
    expect(seen.onPipe).toMatchObject({ applied: false, conflicts: [{ path: "pipe" }] });
    expect(seen.onLink).toMatchObject({ applied: false, conflicts: [{ path: "b.txt" }] });
    expect(seen.forged).toContain("has been changed in the sandbox");
  });

  it.for<readonly [string, readonly Entry[], string]>([
    ["that lead out", [{ name: "../up", content: "x" }], "invalid_path"],
    ["that are absolute", [{ name: "/etc/x", content: "x" }], "invalid_path"],
    ["of git's own", [{ name: "a/.Git/hooks/x", content: "x" }], "invalid_path"],
    [
      "that come twice",
      [
        { name: "a", content: "x" },
        { name: "a", content: "y" },
      ],
      "invalid_path",
    ],
  ])("with names %s is refused", async ([, entries, code]) => {
    const { tar } = readArchive(tarOf(...entries), []);
    await expect(drain(tar)).rejects.toMatchObject({ code });
  });

  it("keeps links within it, leaves out others, and takes no garbage for an archive", async () => {
    const { tar, taken } = readArchive(
      tarOf(
        { name: "a/file", content: "x" },
        { name: "a/in", type: "symlink", linkname: "../a/file" },
        { name: "a/out", type: "symlink", linkname: "../../b" },
        { name: "abs", type: "symlink", linkname: "/etc/passwd" },
        { name: "git", type: "symlink", linkname: ".git/config" },
        { name: "device", type: "character-device" },
        { name: "hard", type: "link", linkname: "/etc/passwd" },
        { name: "odd\u0001name", content: "x" },
      ),
      [],
    );
    await drain(tar);
    expect(taken().files.map(({ path }) => path)).toEqual(["a/file"]);
    expect(taken().skipped.map(({ path, reason }) => `${path} ${reason}`)).toEqual([
      "a/out link_out",
      "abs link_out",
      "git link_out",
      "device special",
      "hard special",
      "odd\u0001name name",
    ]);
    const garbage = (async function* () {
      yield Buffer.alloc(4_096, "no tar");
    })();
    await expect(drain(readArchive(garbage, []).tar)).rejects.toMatchObject({ code: "invalid_argument" });
  });

  it("whose listing was forged gives no path that is none", () => {
    const hash = "a".repeat(64);
    const modes = ["644 1 ./ok", "644 1 ./../up", "755 1 ./.git/x", "999 1 ./mode", "garbage"];
    const hashes = ["ok", "../up", ".git/x", "unseen"].map((path) => `${hash} *./${path}`);
    const listing = [...modes, "", ...hashes, "zz *./ok", ""].join("\0");
    expect(readListing(listing)).toEqual([{ path: "ok", size: 1, hash, mode: 0o644 }]);
    expect(readListing("")).toEqual([]);
  });
});
