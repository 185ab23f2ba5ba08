import { afterAll, beforeAll, expect, test } from "vitest";
import type { SandboxFiles } from "../../sandbox/index.ts";
import { openStage, type Stage, TENANT } from "../../sessions/testing/stage.ts";
import { readArchive } from "./read-archive.ts";
import { applyToWorkspace, workspaceArchive } from "./session-workspace.ts";

const signal = AbortSignal.timeout(60_000);
let stage: Stage;
let session: string;
let files: SandboxFiles;

beforeAll(async () => {
  stage = await openStage();
  session = await stage.session();
  files = await stage.services.sessions.files(TENANT, session);
});
afterAll(() => stage[Symbol.asyncDispose]());

const write = (path: string, text: string) => files.write(path, Buffer.from(text), { parents: true });
async function read(path: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of files.read(path)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

const DIFF = `--- a/one.txt
+++ b/one.txt
@@ -1,2 +1,2 @@
 first
-second
+SECOND
--- /dev/null
+++ b/deep/new.txt
@@ -0,0 +1 @@
+new
--- a/old.txt
+++ /dev/null
@@ -1 +0,0 @@
-old
`;
const results = new Map([
  ["one.txt", "first\nSECOND\n"],
  ["deep/new.txt", "new\n"],
  ["old.txt", null],
]);

test("a workspace is taken as a repository: all of its files, but what is git's own", async () => {
  for (const path of ["a.py", "deep/b.py", ".git/config", "deep/.git/HEAD"]) await write(path, path);
  await stage.run(session, { kind: "command", argv: ["ln", "-s", "/etc/passwd", "out"] });
  const { tar, taken } = readArchive(workspaceArchive(files, signal), []);
  for await (const _piece of tar);
  expect(taken().files.map(({ path }) => path)).toEqual(["a.py", "deep/b.py"]);
  expect(taken().skipped).toEqual([{ path: "out", reason: "link_out" }]);
});

test("a diff is applied once, also when it is done again; where a file is another one, nothing is changed", async () => {
  await write("one.txt", "first\nsecond\n");
  await write("old.txt", "old\n");
  const apply = () => applyToWorkspace(files, { diff: DIFF, results, signal });
  const paths = ["one.txt", "deep/new.txt", "old.txt"];
  expect(await apply()).toEqual(paths);
  expect(await read("one.txt")).toBe("first\nSECOND\n");
  expect(await read("deep/new.txt")).toBe("new\n");
  await expect(read("old.txt")).rejects.toMatchObject({ code: "not_found" });
  // After a crash in the middle: what is done stays, the rest follows.
  await write("old.txt", "old\n");
  expect(await apply()).toEqual(paths);
  await expect(read("old.txt")).rejects.toMatchObject({ code: "not_found" });
  await write("old.txt", "old\n");
  await write("one.txt", "first\nanother\n");
  await write("deep/new.txt", "somebody's\n");
  await expect(apply()).rejects.toMatchObject({ code: "conflict", details: { paths: ["one.txt", "deep/new.txt"] } });
  expect(await read("old.txt")).toBe("old\n");
  expect(await read("deep/new.txt")).toBe("somebody's\n");
});
