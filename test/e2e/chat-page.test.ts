import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Assistant, openAssistants } from "../../packages/glovebox/src/chat/index.ts";
import { cleanEnv, root, startServer, type TestServer } from "../support/server.ts";

let server: TestServer;
let page: string;
beforeAll(async () => {
  page = await readFile(join(root, "docs/reference/chat.md"), "utf8");
  server = await startServer();
});
afterAll(() => server?.[Symbol.asyncDispose]());

async function run(file: string, args: readonly string[]): Promise<string> {
  const env = { ...cleanEnv(), GLOVEBOX_URL: server.url, GLOVEBOX_TOKEN: server.token };
  return (await promisify(execFile)(file, args, { cwd: root, env })).stdout;
}

function blocks(language: string): string[] {
  return [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, name, text = ""]) =>
    name === language ? [text] : [],
  );
}

test.each([
  ["examples/chat.ts", /^executed 3628800\n7257600\ncompleted\n$/],
  ["examples/openai-client.ts", /math\.factorial\(10\)[\s\S]*3628800/],
])("the page has %s, which does what it says", async (file, output) => {
  const [comment = "", ...rest] = (await readFile(join(root, file), "utf8")).split("\n");
  expect(comment).toMatch(/^\/\*\* /);
  expect(blocks("ts")).toContain(rest.join("\n"));
  expect(await run(process.execPath, ["--conditions=development", join(root, file)])).toMatch(output);
});

test("the page's commands and request do what they say", async () => {
  const [commands = "", request = ""] = blocks("sh");
  const said = commands.split("\n").find((line) => line.includes(" -m "));
  expect(await run("bash", ["-c", said ?? ""])).toMatch(/ │ 3628800\n/);
  expect(JSON.parse(await run("bash", ["-c", request]))).toMatchObject({
    status: "completed",
    executions: [{ stdout: "3628800\n" }],
  });
});

test("the page's assistant is one, and shows every field that there is", async () => {
  const [yaml = ""] = blocks("yaml");
  const folder = await mkdtemp(join(tmpdir(), "glovebox-page-"));
  await writeFile(join(folder, "helper.yaml"), yaml);
  const [assistant] = (await openAssistants(folder)).list();
  await rm(folder, { recursive: true });
  if (assistant === undefined) throw new Error("the folder has one");
  expect(Object.keys(assistant).sort()).toEqual(Object.keys(Assistant.shape).sort());
  expect(Object.keys(assistant.execution).sort()).toEqual(Object.keys(Assistant.shape.execution.unwrap().shape).sort());
});
