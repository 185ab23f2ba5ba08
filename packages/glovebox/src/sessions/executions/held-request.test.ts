import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ExecutionInput, Redactor } from "../../core/index.ts";
import { openStage, read, TENANT } from "../testing/stage.ts";

const SECRET = "s3cr3t-of-the-test";
const mask = (text: string) => text.replaceAll(SECRET, "[masked]");
const redactor: Redactor = {
  redact: mask,
  redactJson: <T>(value: T): T => {
    const text = JSON.stringify(value);
    return text.includes(SECRET) ? (JSON.parse(mask(text)) as T) : value;
  },
  withValues: () => redactor,
  stream: () => ({ push: mask, flush: () => "", heldBytes: 0 }),
};

const measure: ExecutionInput = {
  kind: "command",
  argv: ["sh", "-c", 'printf "%s" "$1$KEY" | wc -c', "sh", SECRET],
  env: { KEY: SECRET },
};

async function blobs(dir: string): Promise<string[]> {
  const names = await readdir(join(dir, "data", "blobs"), { recursive: true });
  return names.filter((name) => /[0-9a-f]{64}$/.test(name));
}

test("secrets in code, arguments and environment reach the program, and nobody who reads of it later", async () => {
  await using stage = await openStage({ redactor });
  const id = await stage.session();
  const code = await stage.run(id, { kind: "repl", language: "python", input: `len("${SECRET}")` });
  const command = await stage.run(id, measure);
  expect(code.execution.result?.json).toBe(SECRET.length);
  expect(command.out.trim()).toBe(String(SECRET.length * 2));
  expect(code.execution.input).toBe('len("[masked]")');
  expect(command.execution).toMatchObject({ env: { KEY: "[masked]" }, argv: expect.arrayContaining(["[masked]"]) });
  const started = await stage.services.executions.start(TENANT, id, measure);
  const listed = await stage.services.executions.list(TENANT);
  expect(JSON.stringify([started.execution, await started.finished, listed, code, command])).not.toContain(SECRET);
  expect(await blobs(stage.dir)).toEqual([]);
});

test("what waited its turn over a restart runs with what it was given, of which nothing is left on disk then", async () => {
  const dir = await mkdtemp(join(tmpdir(), "glovebox-held-"));
  const first = await openStage({ dir, redactor });
  const id = await first.session();
  await first.services.executions.start(TENANT, id, {
    kind: "repl",
    language: "python",
    input: "import time; time.sleep(1)",
  });
  const waiting = await first.services.executions.start(TENANT, id, { ...measure, onBusy: "queue" });
  waiting.finished.catch(() => {});
  expect(waiting.execution.status).toBe("queued");
  await first.services[Symbol.asyncDispose]();
  await first.driver[Symbol.asyncDispose]();
  await first.store[Symbol.asyncDispose]();
  await using second = await openStage({ dir, redactor });
  await second.services.recover();
  const { executions } = second.services;
  const ran = await read(second.services, await executions.wait(TENANT, waiting.execution.id));
  expect(ran.out.trim()).toBe(String(SECRET.length * 2));
  expect(JSON.stringify(ran)).not.toContain(SECRET);
  expect(await blobs(dir)).toEqual([]);
});
