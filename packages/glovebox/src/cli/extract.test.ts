import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glovebox } from "@glovebox/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer, type TestServer } from "../../../../test/support/server.ts";
import { type CliOptions, cli } from "./testing/cli.ts";

const ANSWER = "Let me run this:\n\n```python\nprint(1)\nprint(2)\n```\n\nOutput:\n\n```\n1\n2\n```\n";

let server: TestServer;
let box: Glovebox;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "glovebox-extract-"));
  server = await startServer();
  box = await Glovebox.connect({ url: server.url, token: server.token });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function glovebox(args: readonly string[], options: CliOptions = {}) {
  return cli(args, { ...options, env: { GLOVEBOX_DATA: server.dataDir, ...options.env } });
}

test("the command says what code a file has, where, how sure it is, and why", async () => {
  const file = join(folder, "answer.md");
  writeFileSync(file, ANSWER);
  const { code, stdout } = await glovebox(["extract", file]);
  expect(code).toBe(0);
  const rows = stdout.trimEnd().split("\n");
  expect(rows.map((row) => row.split("\t").slice(0, 4))).toEqual([
    ["python", expect.stringMatching(/^(1\.00|0\.9\d)$/), "3-6", "print(1) …"],
    ["-", expect.stringMatching(/^0\.0\d$/), "10-13", "1 …"],
  ]);
  expect(rows[0]).toContain("its tag names a language that runs");
});

test("it reads a pipe, and its options change the answer", async () => {
  const read = async (text: string, ...options: string[]) => {
    const { stdout } = await glovebox(["extract", "-", "--json", ...options], { input: text });
    return JSON.parse(stdout);
  };
  const bare = "```python\nprint(1)\n```";
  const plain = await read(bare);
  expect(plain.intent.suggestedAction).toBe("execute");
  expect((await read(bare, "--user")).intent.confidence).toBeLessThan(plain.intent.confidence);
  expect((await read(bare, "--request", "write it, but don't run it")).intent.suggestedAction).toBe("show");
  expect(await glovebox(["extract", join(folder, "none.md")])).toMatchObject({ code: 2 });
});

test("the client gets the same, and what is refused has its code", async () => {
  const { blocks, intent } = await box.extract(ANSWER, { executeThreshold: 1, askThreshold: 0.9 });
  expect(blocks.map(({ start, end }) => ANSWER.slice(start, end))).toEqual([
    "```python\nprint(1)\nprint(2)\n```",
    "```\n1\n2\n```",
  ]);
  expect(intent.suggestedAction).toBe("ask");
  await expect(box.extract("a".repeat(1_000_001))).rejects.toMatchObject({ code: "payload_too_large" });
  await expect(box.extract("a", { from: "model" } as never)).rejects.toMatchObject({ code: "invalid_argument" });
  await expect(box.extract("a", { askThreshold: 0.9 })).rejects.toMatchObject({ code: "invalid_argument" });
});
