import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glovebox } from "@glovebox/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer, type TestServer } from "../../../../test/support/server.ts";
import { type CliOptions, cli } from "./testing/cli.ts";

let server: TestServer;
let folder: string;
beforeAll(async () => {
  server = await startServer({ env: { GLOVEBOX_LOG_LEVEL: "warn" } });
  folder = await mkdtemp(join(tmpdir(), "glovebox-context-cli-"));
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

function glovebox(args: readonly string[], options: CliOptions = {}) {
  return cli(args, { ...options, cwd: folder, env: { GLOVEBOX_DATA: server.dataDir, ...options.env } });
}

async function out(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await glovebox(args);
  expect(code, stderr).toBe(0);
  return stdout.trimEnd();
}

const write = (name: string, text: string) => writeFile(join(folder, name), text);
const paths = (json: string) => (JSON.parse(json) as { hits: { path: string }[] }).hits.map(({ path }) => path);

test("documents are written, found, compared, merged and brought back from the command line", async () => {
  await write("note.md", "# Sea\nThe ocean is wide.\n\nFish swim.\n\nShips sail.\n");
  expect(await out("context", "add", "note.md", "--metadata", "topic=sea")).toContain("inserted\t1");
  expect(await out("context", "add", "note.md", "--metadata", "topic=sea")).toContain("unchanged\t1");
  expect(await out("context", "query", "ocean ships")).toContain("note.md:1-7");
  const snapshot = (await out("context", "snapshot", "create", "good")).split("\n")[0]?.split("\t")[1] ?? "";
  await write("note.md", "# Sea\nThe ocean is deep.\n\nFish swim.\n\nShips sail.\n");
  await out("context", "add", "note.md", "--based-on", "1");
  expect((await glovebox(["context", "add", "note.md", "--based-on", "1"])).code).toBe(0); // nothing changes
  await write("theirs.md", "# Sea\nThe ocean is wide.\n\nFish swim.\n\nShips sink.\n");
  await out("context", "merge", "note.md", "theirs.md", "--based-on", "1");
  expect(await out("context", "show", "note.md")).toBe("# Sea\nThe ocean is deep.\n\nFish swim.\n\nShips sink.");
  const diff = await glovebox(["context", "diff", "note.md", "1"]);
  expect(diff).toMatchObject({ code: 1, stdout: expect.stringContaining("-The ocean is wide.\n") as string });
  await write("theirs.md", "# Sea\nThe ocean is dry.\n\nFish swim.\n\nShips sail.\n");
  const torn = await glovebox(["context", "merge", "note.md", "theirs.md", "--based-on", "1", "--json"]);
  expect(torn.code).toBe(1);
  expect(JSON.parse(torn.stdout)).toMatchObject({
    conflicts: [{ line: 2, ours: "The ocean is deep.", theirs: "The ocean is dry." }],
  });
  expect((await out("context", "history", "note.md")).split("\n")).toHaveLength(3);
  await out("context", "rollback", "--snapshot", snapshot);
  expect(await out("context", "show", "note.md")).toContain("wide");
  expect(await out("context", "show", "note.md", "--at", "3")).toContain("sink");
  await out("context", "remove", "note.md");
  expect((await glovebox(["context", "show", "note.md"])).code).toBe(2);
  expect(await out("context", "query", "ocean", "--snapshot", snapshot)).toContain("wide");
  await out("context", "snapshot", "delete", snapshot);
  expect((await glovebox(["context", "compact", "--before", new Date().toISOString()])).code).toBe(2);
});

test("what is no text in UTF-8 is refused, and what is a folder", async () => {
  const broken = Buffer.from([0x61, 0xff, 0xfe, 0x0a]);
  await writeFile(join(folder, "broken.md"), broken);
  await mkdir(join(folder, "some"));
  const refused = async (file: string) => {
    const { code, stderr } = await glovebox(["context", "add", file]);
    expect(code).toBe(2);
    return stderr;
  };
  expect(await refused("broken.md")).toContain("broken.md is no text in UTF-8");
  expect(await refused("some")).toContain("some is a folder");
  expect(await out("context", "list", "--filter", "path=broken.md")).toBe("");
});

test("a repository is indexed without what git ignores, and again only what changed", async () => {
  const repository = join(folder, "repository");
  await mkdir(join(repository, "src"), { recursive: true });
  execFileSync("git", ["init", "-q"], { cwd: repository });
  await writeFile(join(repository, ".gitignore"), "secret.txt\n");
  await writeFile(join(repository, "secret.txt"), "do not index the walrus\n");
  await writeFile(join(repository, "binary.bin"), Buffer.from([1, 0, 2]));
  await writeFile(join(repository, "README.md"), "# Walrus\nAbout animals.\n");
  await writeFile(join(repository, "src/animal.py"), "def feed_walrus(fish):\n    return fish\n");
  const index = async (): Promise<unknown> => JSON.parse(await out("context", "index", "repository", "--json"));
  expect(await index()).toEqual({ files: 4, inserted: 3, updated: 0, unchanged: 0, removed: 0, skipped: 1 });
  await writeFile(join(repository, "src/animal.py"), "def feed_walrus(fish, times):\n    return fish * times\n");
  await rm(join(repository, "README.md"));
  expect(await index()).toEqual({ files: 3, inserted: 0, updated: 1, unchanged: 1, removed: 1, skipped: 1 });
  const found = await out("context", "query", "walrus", "--json", "--filter", "kind=code");
  expect(paths(found)[0]).toBe("src/animal.py");
  expect(found).not.toContain("do not index");
  expect((await glovebox(["context", "index", "/proc"])).code).toBe(2);
});

test("what expires, is pinned, is a kind, or has a scope, is as it was said", async () => {
  await write("news.md", "Gazelle news of yesterday.\n");
  const found = async (...more: readonly string[]) =>
    paths(await out("context", "query", "gazelle", "--json", ...more));
  await out(
    "context",
    "add",
    "news.md",
    "--expires",
    "2020-01-01T00:00:00Z",
    "--kind",
    "transcript",
    "--scope",
    "task:news",
  );
  expect(await found()).not.toContain("news.md");
  await out("context", "add", "news.md", "--pinned", "--kind", "transcript", "--scope", "task:news");
  expect(await found("--scope", "task:news", "--filter", "kind=transcript")).toEqual(["news.md"]);
  expect(await found("--scope", "task:other")).toEqual([]);
  await out("context", "pin", "news.md", "--off");
  expect(await found()).not.toContain("news.md");
});

test("the SDK follows changes, pins, and is told what is wrong", async () => {
  const client = new Glovebox({ url: server.url, token: server.token });
  const end = new AbortController();
  const scope = "task:follow";
  const seen: string[] = [];
  const { revision } = await client.context.add([{ scope, kind: "text", path: "first", content: "x", origin: "sdk" }]);
  const following = (async () => {
    for await (const change of client.context.changes(scope, { afterRevision: revision, signal: end.signal })) {
      seen.push(`${change.path}@${change.version}`);
    }
  })().catch(() => undefined);
  const added = await client.context.add([{ scope, kind: "text", path: "a", content: "one", origin: "sdk" }]);
  await expect.poll(() => seen).toEqual(["a@1"]);
  end.abort();
  await following;
  const id = added.documents[0]?.id ?? "";
  await client.context.pin(id, true);
  expect(await client.context.get(id)).toMatchObject({ pinned: true, content: "one" });
  const bad = client.context.search({ query: "x", filter: { and: [{ eq: { field: "nothing", value: 1 } }] } });
  await expect(bad).rejects.toMatchObject({ code: "filters_invalid", details: { path: "filter.and[0].eq.field" } });
  await expect(client.context.search({ query: "x", k: 0 })).rejects.toMatchObject({ code: "invalid_argument" });
  const stale = client.context.add([{ scope, kind: "text", path: "a", content: "two", origin: "sdk", basedOn: 7 }]);
  await expect(stale).rejects.toMatchObject({ code: "conflict" });
});
