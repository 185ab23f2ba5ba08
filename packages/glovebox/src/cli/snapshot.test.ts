import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer, type TestServer } from "../../../../test/support/server.ts";
import { snapshotTree } from "./render/snapshot-tree.ts";
import { type CliOptions, cli } from "./testing/cli.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ env: { GLOVEBOX_LOG_LEVEL: "warn" } });
  expect((await glovebox(["session", "create", "-t", "bash", "--key", "mine"])).code).toBe(0);
});
afterAll(async () => {
  await glovebox(["session", "delete", "mine", "-y"]); // it would outlive its server
  await server?.[Symbol.asyncDispose]();
});

function glovebox(args: readonly string[], options: CliOptions = {}) {
  return cli(args, { ...options, env: { GLOVEBOX_DATA: server.dataDir, ...options.env } });
}

async function line(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await glovebox(args);
  expect(code, stderr).toBe(0);
  return stdout.trimEnd();
}

test("snapshots are made, shown, compared, returned to, forked and deleted from the command line", async () => {
  const write = (text: string) => line("exec", "mine", "--", "bash", "-c", `echo ${text} > f`);
  await write("one");
  const first = await line("snapshot", "create", "mine", "--name", "first", "--description", "as it was");
  await write("three");
  expect(await line("snapshot", "diff", "mine", "first")).toBe("~\tf\tfile\t4 B\t6 B");
  const undo = await line("snapshot", "rollback", "mine", "first", "--path", "f");
  expect(await line("exec", "mine", "--", "cat", "f")).toBe("one");
  expect(JSON.parse(await line("snapshot", "show", "mine", undo, "--json"))).toMatchObject({
    id: undo,
    origin: "before_rollback",
    parentId: first,
  });
  expect((await line("snapshot", "list", "mine")).split("\n").map((row) => row.split("\t")[0])).toEqual([undo, first]);
  const tree = (await line("snapshot", "tree", "mine")).split("\n");
  expect(tree).toEqual([expect.stringContaining(`* ${first}  first`), expect.stringContaining(`o ${undo}`)]);
  const children = (await line("fork", "mine", "--count", "2", "--snapshot", undo)).split("\n");
  expect(children).toHaveLength(2);
  expect(await line("exec", children[1] ?? "", "--", "cat", "f")).toBe("three");
  for (const child of children) await line("session", "delete", child, "-y");
  expect((await glovebox(["snapshot", "delete", "mine", undo])).code).toBe(2);
  expect(await line("snapshot", "delete", "mine", undo, "-y")).toBe(`${undo}\tdeleted`);
  expect(await glovebox(["snapshot", "show", "mine", "none"])).toMatchObject({ code: 3 });
});

test("a tree keeps a chain in its column and sets branches off", () => {
  const at = (id: string, parentId?: string) => ({
    id,
    ...(parentId !== undefined && { parentId }),
    tenantId: "t",
    sessionId: "s",
    kind: "files" as const,
    isolation: "bubblewrap" as const,
    origin: "manual" as const,
    bytes: 0,
    storedBytes: 0,
    createdAt: new Date().toISOString(),
  });
  const items = [at("5", "gone"), at("4", "2"), at("3", "2"), at("2", "1"), at("1")];
  const shown = snapshotTree(items, "3").map((text) => text.replace(/ {2}0 B.*/, ""));
  expect(shown).toEqual(["o 1", "o 2", "  * 3", "  o 4", "o 5"]);
  const chain = Array.from({ length: 20_000 }, (_, i) =>
    at(String(20_000 - i), i === 19_999 ? undefined : String(19_999 - i)),
  );
  expect(snapshotTree(chain, undefined)).toHaveLength(20_000);
});
