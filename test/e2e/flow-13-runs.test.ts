import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glovebox, isGloveboxError, type RunRecord } from "@glovebox/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root, startServer, type TestServer } from "../support/server.ts";

let folder: string;
let args: readonly string[];
let server: TestServer;
let box: Glovebox;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-e2e-runs-"));
  const config = join(folder, "glovebox.yaml");
  await writeFile(config, `runs:\n  programs: [${join(root, "test/e2e/testdata/programs.ts")}]\n`);
  args = ["--config", config];
  server = await startServer({ args });
  box = await Glovebox.connect(server);
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "no error",
    (error: unknown) => (isGloveboxError(error) ? error.code : String(error)),
  );

/** Reads until a record is of that type. */
async function until(client: Glovebox, id: string, type: string): Promise<readonly RunRecord[]> {
  const seen: RunRecord[] = [];
  for await (const record of client.runs.follow(id, { signal: AbortSignal.timeout(60_000) })) {
    seen.push(record);
    if (record.type === type) return seen;
  }
  throw new Error(`it ended without ${type}`);
}

/** The text of a journal as a file. */
async function exported(id: string): Promise<string> {
  return new Response(await box.runs.export(id)).text();
}

test("a run's life through the SDK: started, watched, answered, read, checked", async () => {
  expect((await box.programs.list()).items.map(({ name }) => name)).toContain("release");
  const { run } = await box.runs.start({ program: "release", input: { name: "abc" }, priority: 3 });
  const seen = await until(box, run.id, "signal.waiting");
  expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_, index) => index + 1));
  expect(await box.runs.result(run.id)).toMatchObject({
    run: { status: "waiting", waitingFor: ["approval"], priority: 3 },
  });
  expect((await box.runs.list({ status: "waiting", program: "release" })).items.map(({ id }) => id)).toContain(run.id);
  await box.runs.signal(run.id, "approve", { by: "sdk" });
  const result = await box.runs.wait(run.id);
  expect(result).toMatchObject({ run: { status: "completed" }, output: { checks: 9, answer: { by: "sdk" } } });
  expect(await box.runs.result(run.id, { wait: true })).toEqual(result);
  expect(await box.runs.get(run.id)).toEqual(result.run);
  const { nodes } = await box.runs.graph(run.id);
  expect(nodes.every(({ status }) => status === "completed")).toBe(true);
  expect(await box.runs.budget(run.id)).toMatchObject({
    used: { tokens: 7, toolCalls: 1 },
    history: [{ step: "parallel/types/check" }],
  });
  expect(await box.runs.replay(run.id)).toMatchObject({ identical: true });
  expect(await box.runs.replay(run.id, { live: true })).toMatchObject({ identical: true, live: { steps: 0 } });
  expect(await box.runs.verify(run.id)).toMatchObject({ ok: true });
  const page = await box.runs.journal(run.id, { afterSeq: 1, limit: 2 });
  expect([page.items.map(({ seq }) => seq), page.nextAfterSeq, page.done]).toEqual([[2, 3], 3, false]);
  const all: string[] = [];
  for await (const { id } of box.runs.listAll({ limit: 1 })) all.push(id);
  expect(all).toContain(run.id);
});

test("a run is changed through the SDK: taken back, forked, cancelled, exported, imported, deleted", async () => {
  const { run } = await box.runs.start({ program: "release", input: { name: "x" } });
  await until(box, run.id, "signal.waiting");
  await box.runs.signal(run.id, "approve", 1);
  await box.runs.wait(run.id);
  await box.runs.rollback(run.id, "approve", "another answer");
  await box.runs.signal(run.id, "approve", 2);
  expect((await box.runs.wait(run.id)).output).toMatchObject({ answer: 2 });
  const fork = await box.runs.fork(run.id, { step: "ask", patch: { model: "large" } });
  expect((await box.runs.wait(fork.run.id)).output).toMatchObject({ model: "large", answer: 2 });
  const text = await exported(fork.run.id);
  await box.runs.delete(fork.run.id);
  expect(await codeOf(box.runs.get(fork.run.id))).toBe("not_found");
  expect(await codeOf(box.runs.import(text.replace('"large"', '"small"')))).toBe("journal_corrupt");
  expect(await box.runs.import(text.slice(0, -9))).toMatchObject({ torn: { missing: 1 } });
  await box.runs.delete(fork.run.id);
  expect(await box.runs.import(text)).toMatchObject({ run: { id: fork.run.id, imported: true, status: "completed" } });
  expect(await codeOf(box.runs.rollback(fork.run.id, "ask"))).toBe("conflict");
  expect(await codeOf(box.runs.resume(fork.run.id))).toBe("conflict");
  const other = await box.runs.start({ program: "release", input: { name: "y" } });
  expect(await codeOf(box.runs.delete(other.run.id))).toBe("conflict");
  await box.runs.cancel(other.run.id, "enough");
  expect((await box.runs.wait(other.run.id)).run).toMatchObject({ status: "cancelled", error: { message: "enough" } });
});

describe("what a journal tells live", () => {
  test("is whole although the connection is cut again and again", async () => {
    let cuts = 0;
    const { port, hostname } = new URL(server.url);
    // Cuts every connection after 3,000 bytes of answers, as a bad line does.
    const proxy = createServer((client) => {
      const upstream = connect(Number(port), hostname);
      let left = 3000;
      upstream.on("data", (chunk: Buffer) => {
        client.write(chunk.subarray(0, left));
        left -= chunk.length;
        if (left > 0) return;
        cuts += 1;
        client.end();
        upstream.destroy();
      });
      client.pipe(upstream);
      const end = () => {
        client.destroy();
        upstream.destroy();
      };
      client.on("error", () => {}).on("close", end);
      upstream.on("error", () => {});
    });
    proxy.listen(0, "127.0.0.1");
    try {
      const { run } = await box.runs.start({ program: "steps", input: { steps: 30 } }, { wait: true });
      const cut = new Glovebox({
        url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
        token: server.token,
      });
      const seen: RunRecord[] = [];
      for await (const record of cut.runs.follow(run.id, { signal: AbortSignal.timeout(60_000) })) seen.push(record);
      expect(seen).toEqual((await box.runs.journal(run.id)).items);
      expect(seen).toHaveLength(62);
      expect(cuts).toBeGreaterThan(2);
    } finally {
      proxy.close();
    }
  });
});

test("kill -9 of the server: runs go on with the next one, and no step that completed runs again", async () => {
  const dataDir = join(folder, "data");
  const first = await startServer({ args, dataDir });
  const before = await Glovebox.connect(first);
  const token = (await before.tokens.create({ name: "lasting", roles: ["admin"] })).secret;
  const { run: asleep } = await before.runs.start({ program: "release", input: { name: "abc" } });
  const { run: atWork } = await before.runs.start({ program: "release", input: { name: "abcd", stepMs: 3000 } });
  await until(before, asleep.id, "signal.waiting");
  await until(before, atWork.id, "step.started");
  await first.kill();
  await using second = await startServer({ args, dataDir });
  const after = await Glovebox.connect({ url: second.url, token });
  for (const { id } of [asleep, atWork]) await after.runs.signal(id, "approve", "later");
  const results = [await after.runs.wait(asleep.id), await after.runs.wait(atWork.id)];
  expect(results.map(({ run, output }) => [run.resumes, (output as { checks: number }).checks])).toEqual([
    [1, 9],
    [1, 12],
  ]);
  const attempts = async (id: string) =>
    (await after.runs.graph(id)).nodes.filter(({ kind }) => kind === "step").map((node) => node.attempts);
  expect(await attempts(asleep.id)).toEqual([1, 1, 1, 1]);
  expect(Math.max(...(await attempts(atWork.id)))).toBe(2);
  for (const { id } of [asleep, atWork]) expect(await after.runs.replay(id)).toMatchObject({ identical: true });
});

test("what is started once is one run however often it is asked for, and errors have their codes", async () => {
  const once = () => box.runs.start({ program: "echo", input: 1 }, { idempotencyKey: "only-once" });
  expect((await once()).run.id).toBe((await once()).run.id);
  expect(await codeOf(box.runs.start({ program: "echo", input: 2 }, { idempotencyKey: "only-once" }))).toBe("conflict");
  expect(await codeOf(box.runs.start({ program: "none" }))).toBe("not_found");
  expect(await codeOf(box.runs.start({ program: "release", input: 5 }))).toBe("invalid_argument");
  expect(await codeOf(box.runs.follow("01900000-0000-7000-8000-000000000000").next())).toBe("not_found");
  const stranger = new Glovebox({
    url: server.url,
    token: (await box.tokens.create({ name: "s", roles: ["admin"], tenantId: "other" })).secret,
  });
  const { run } = await once();
  expect(await codeOf(stranger.runs.graph(run.id))).toBe("not_found");
  expect((await stranger.runs.list()).items).toEqual([]);
});
