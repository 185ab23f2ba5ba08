import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { newId } from "../../core/index.ts";
import { openSqliteStore } from "../index.ts";
import { expectAcknowledged, parseSaid } from "../testdata/acknowledged.ts";

const CHILD = join(import.meta.dirname, "../testdata/crash-child.ts");
const NODE = [process.execPath, "--conditions=development", CHILD] as const;
let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-crash-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("after kill -9 in the middle of writing, everything acknowledged is there, and the folder opens again", async () => {
  const dataDir = join(folder, "data");
  for (const lines of [1, 60, 400]) {
    const child = spawn(NODE[0], [...NODE.slice(1), dataDir, "6"], { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (output.split("\n").length > lines) child.kill("SIGKILL");
    });
    const [, signal] = await once(child, "close");
    expect(signal).toBe("SIGKILL");
    await using store = await openSqliteStore({ dataDir });
    await expectAcknowledged(store, parseSaid(output));
    await store.settings.set("alive", newId());
  }
});

test("on a full disk writes fail with `store_failed`, reads go on, and nothing acknowledged is lost", async () => {
  const dataDir = join(folder, "data");
  // A limit on the size of files is a full disk that needs no rights to make.
  const limited = ["-c", 'ulimit -f 1500; exec "$@"', "bash", ...NODE, dataDir, "4"];
  const { stdout, status } = spawnSync("bash", limited, { encoding: "utf8", timeout: 50_000, maxBuffer: 1 << 26 });
  expect(status).toBe(0);
  const said = parseSaid(stdout);
  const failure = said.find(({ failed }) => failed !== undefined);
  expect(failure).toMatchObject({ failed: "store_failed", readable: 1 });
  expect(failure?.message).toMatch(/disk/);
  expect(said.length).toBeGreaterThan(50);
  await using store = await openSqliteStore({ dataDir });
  await expectAcknowledged(store, said);
  await store.settings.set("alive", true);
});
