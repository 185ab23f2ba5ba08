import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { ExecutionInput, RedactorStream } from "../../core/index.ts";
import { createRedactor } from "../../governance/index.ts";
import { openStage, TENANT } from "../testing/stage.ts";
import { GrowingRedactor } from "./growing-redactor.ts";
import type { OutputReader } from "./output-reader.ts";

/** Remembers what it was given, and gives all of it on. */
function remembering(seen: string[]): OutputReader {
  const stream: RedactorStream = {
    push: (piece) => {
      seen.push(piece);
      return piece;
    },
    flush: () => "",
    heldBytes: 0,
  };
  return { open: () => stream };
}

it("masks what it learns while a text is under way, from its next piece on", () => {
  const redactor = new GrowingRedactor(createRedactor("off"));
  const stream = redactor.stream();
  let out = stream.push("first-value and ");
  redactor.add(["first-value", "first-value", ""]);
  out += stream.push("first-");
  redactor.add(["second-value"]);
  out += stream.push("value first-value second-");
  out += stream.push("value end");
  expect(out + stream.flush()).toBe("first-value and first-value [redacted] [redacted] end");
  expect(redactor.redact("first-value")).toBe("[redacted]");
  expect(redactor.values).toEqual(["first-value", "second-value"]);
});

it("learns no more than it can look for", () => {
  const redactor = new GrowingRedactor(createRedactor("off"));
  const many = Array.from({ length: 1_001 }, (_, index) => `value-${index}`);
  expect(() => redactor.add(many)).toThrow(expect.objectContaining({ code: "resource_exhausted" }));
  expect(redactor.values).toEqual([]);
});

it("waits after a restart until what an execution prints is read and masked again", { timeout: 60_000 }, async () => {
  const dir = await mkdtemp(join(tmpdir(), "glovebox-reader-"));
  const redactor = createRedactor("off");
  const first = await openStage({ dir, redactor });
  const id = await first.session({ template: "bash" });
  const { sessions, executions } = first.services;
  (await sessions.masks(TENANT, id)).add(["the-secret-value"]);
  const before: string[] = [];
  const script = "echo one the-secret-value; until test -e go; do sleep 0.05; done; echo two the-secret-value";
  const request: ExecutionInput = { kind: "command", argv: ["sh", "-c", script], idempotencyKey: "k" };
  const { execution } = await executions.start(TENANT, id, request, { reader: remembering(before) });
  const printed = async (events: typeof executions.events) => JSON.stringify(await events(TENANT, execution.id));
  while (!(await printed(executions.events.bind(executions))).includes("one")) await new Promise(setImmediate);
  // As a server does that ends: its sandboxes go on.
  await first.services[Symbol.asyncDispose]();
  await first.store[Symbol.asyncDispose]();

  await using second = await openStage({ dir, redactor });
  await second.services.recover();
  const again = second.services.executions;
  expect((await again.find(TENANT, id, "k"))?.id).toBe(execution.id);
  const files = await second.services.sessions.files(TENANT, id);
  await files.write("go", Buffer.from(""));
  // Its process ends meanwhile; what it printed stays where it is.
  await second.run(id, {
    kind: "command",
    argv: ["sh", "-c", "while pgrep -f 'test -[e] go'; do sleep 0.05; done"],
    background: true,
  });
  expect(await printed(again.events.bind(again))).not.toContain("two");
  (await second.services.sessions.masks(TENANT, id)).add(["the-secret-value"]);
  const after: string[] = [];
  again.read(TENANT, execution.id, remembering(after));
  expect((await again.wait(TENANT, execution.id)).status).toBe("ok");
  const text = await printed(again.events.bind(again));
  expect(text).toContain("one [redacted]");
  expect(text).toContain("two [redacted]");
  expect(text).not.toContain("the-secret-value");
  // A line break may be within a value: it was held back, and is read again.
  expect([before.join("").trim(), after.join("").trim()]).toEqual(["one the-secret-value", "two the-secret-value"]);
});
