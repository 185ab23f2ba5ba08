import { execFile, spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cleanEnv, root, startServer, type TestServer } from "../support/server.ts";

interface Answer {
  readonly events: readonly { readonly type: string; readonly payload: { readonly text?: string } }[];
}

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server[Symbol.asyncDispose]());

async function run(file: string, args: readonly string[]): Promise<string> {
  const env = { ...cleanEnv(), GLOVEBOX_URL: server.url, GLOVEBOX_TOKEN: server.token };
  return (await promisify(execFile)(file, args, { cwd: root, env })).stdout;
}

async function block(language: string, holding: string): Promise<string> {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const blocks = [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  const found = blocks.find(([, name, text]) => name === language && text?.includes(holding));
  if (found?.[2] === undefined) throw new Error(`README has no ${language} block with ${holding}`);
  return found[2];
}

test("README's program of the SDK is the one in examples, and does what it says", async () => {
  const example = join(root, "examples/first-steps.ts");
  expect(await readFile(example, "utf8")).toBe(await block("ts", "Glovebox.connect"));
  const output = await run(process.execPath, ["--conditions=development", example]);
  // What is printed may come in one piece or in several.
  expect(output).toMatch(/^3628800\n1 input_echo\n(\d+ stdout\n)+\d+ value\n$/);
});

test("README's request by curl answers 42", async ({ skip }) => {
  if (spawnSync("curl", ["--version"]).error !== undefined) skip("curl is not installed");
  const { events } = JSON.parse(await run("bash", ["-c", await block("sh", "curl")])) as Answer;
  expect(events.flatMap(({ type, payload }) => (type === "stdout" ? [payload.text] : [])).join("")).toBe("42\n");
});

test("README's first commands print what they say", async () => {
  const commands = (await block("sh", "glovebox doctor")).split("\n").filter((line) => line.includes(" run -e "));
  expect(commands).toHaveLength(5);
  for (const command of commands) expect(await run("bash", ["-c", command])).toBe("42\n");
});

test("README's session keeps its state", async () => {
  const lines = (await block("sh", "session create")).split("\n");
  const [create = "", set = "", ask = ""] = lines.filter((line) => line.startsWith("./bin/glovebox"));
  const id = (await run("bash", ["-c", create])).trim();
  expect(await run("bash", ["-c", set.replace("SESSION", id)])).toBe("");
  expect(await run("bash", ["-c", ask.replace("SESSION", id)])).toBe("42\n");
});
