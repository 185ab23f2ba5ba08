import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import programs from "../../../../../test/e2e/testdata/programs.ts";
import type { Run } from "../../core/index.ts";
import type { JournalRecord, Program, ReplayReport, RunGraph } from "../../engine/index.ts";
import type { AuditRecord } from "../../governance/index.ts";
import { codeOf, json } from "./testing/answers.ts";
import { startTestServer, type TestServer } from "./testing/server.ts";

interface Result {
  readonly run: Run;
  readonly output?: unknown;
}

const known = programs() as unknown as readonly Program[];
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ programs: known, settings: { heartbeatMs: 30 } });
});
afterAll(() => server[Symbol.asyncDispose]());

const post = (path: string, body: unknown = {}, headers: Record<string, string> = {}) =>
  server.send("POST", path, body, headers);
const start = async (body: object, headers: Record<string, string> = {}) =>
  await json<Result>(await post("/v1/runs", body, headers));
const get = async <T>(path: string) => await json<T>(await server.request(path));
const echo = (input: unknown) => start({ program: "echo", input, wait: true });

/** A run that waits for its approval. */
async function waiting(input: object = {}): Promise<string> {
  const { run } = await start({ program: "release", input: { name: "abc", ...input } });
  const signal = AbortSignal.timeout(30_000);
  for await (const { type } of server.runs.journal("default", run.id, { follow: true, signal })) {
    if (type === "signal.waiting") return run.id;
  }
  throw new Error("it ended before it waited");
}

async function approve(id: string, payload: unknown = true): Promise<Result> {
  expect((await post(`/v1/runs/${id}/signals/approve`, { payload })).status).toBe(204);
  return get<Result>(`/v1/runs/${id}/result?wait=true`);
}

async function exported(id: string): Promise<string> {
  const answer = await server.request(`/v1/runs/${id}/export`);
  expect(answer.headers.get("content-type")).toContain("application/x-ndjson");
  return answer.text();
}

const upload = (body: string | Uint8Array) =>
  server.request("/v1/runs/import", {
    method: "POST",
    body: body as string,
    headers: { "content-type": "text/plain" },
  });

describe("starting", () => {
  it("lists programs with the schemas of what they take and give", async () => {
    const { items } = await get<{ items: Record<string, unknown>[] }>("/v1/programs");
    expect(items.map(({ name, version }) => `${name} ${version}`)).toEqual(
      known.map(({ name, version }) => `${name} ${version}`),
    );
    expect(items[0]).toMatchObject({
      description: expect.stringContaining("side by side"),
      input: { type: "object", required: ["name"], properties: { stepMs: { default: 5 } } },
      output: { type: "object", properties: { checks: { type: "number" } } },
    });
  });

  it("answers at once with the run, or when it has ended with its output", async () => {
    const answer = await post("/v1/runs", { program: "echo", input: { a: 1 } });
    expect(answer.status).toBe(201);
    const { run } = await json<Result>(answer);
    expect(run).toMatchObject({ program: "echo", version: "2", tenantId: "default", priority: 0, resumes: 0 });
    expect(await get(`/v1/runs/${run.id}/result?wait=true`)).toMatchObject({
      run: { id: run.id, status: "completed" },
      output: { given: { a: 1 } },
    });
    const waited = await post("/v1/runs", { program: "echo", version: "1", input: [2], wait: true });
    expect([waited.status, await waited.json()]).toEqual([
      200,
      { run: expect.objectContaining({ status: "completed", version: "1" }), output: [2] },
    ]);
    expect(await echo(undefined)).toMatchObject({ output: { given: null } });
  });

  it("tells of a run that failed what it failed with, and of one that goes on how it stands", async () => {
    const { run, output } = await start({ program: "hostile", wait: true });
    expect([run.status, run.error?.code, output]).toEqual(["failed", "internal", undefined]);
    expect(await get(`/v1/runs/${run.id}/result`)).toEqual({ run });
    const id = await waiting();
    expect(await get<Result>(`/v1/runs/${id}/result`)).toMatchObject({ run: { id, waitingFor: ["approval"] } });
    expect(await approve(id, { by: "me" })).toMatchObject({ output: { answer: { by: "me" }, checks: 9 } });
  });

  it("heeds priority, time limit and budget", async () => {
    const id = await waiting();
    const { run } = await start({
      program: "release",
      input: { name: "x", stepMs: 60_000 },
      priority: 7,
      timeoutMs: 20,
      budget: { wallMs: 50_000, tokens: 100 },
    });
    expect(run).toMatchObject({ priority: 7, budget: { wallMs: 50_000, tokens: 100 } });
    // Both are taken from the clock, one after the other.
    expect(Math.abs((run.deadlineMs ?? 0) - Date.parse(run.createdAt) - 20)).toBeLessThan(10_000);
    expect(await get(`/v1/runs/${run.id}/result?wait=true`)).toMatchObject({
      run: { status: "failed", error: { code: "deadline_exceeded" } },
    });
    const spent = await start({ program: "release", input: { name: "x" }, budget: { tokens: 5 }, wait: true });
    expect(spent.run).toMatchObject({ status: "failed", error: { code: "budget_exceeded" }, usage: { tokens: 7 } });
    expect(await get(`/v1/runs/${spent.run.id}/budget`)).toEqual({
      limits: { tokens: 5 },
      used: { tokens: 7, dollars: 0, toolCalls: 1, sandboxSeconds: 0 },
      history: [
        expect.objectContaining({ step: "parallel/types/check", used: expect.objectContaining({ tokens: 7 }) }),
      ],
      exceeded: { of: "run", what: "tokens", limit: 5, used: 7 },
    });
    expect(await get(`/v1/runs/${id}/budget`)).toMatchObject({ limits: {}, used: { tokens: 7 } });
    await approve(id);
  });

  it("gives the first run again for the same Idempotency-Key, and refuses it for something else", async () => {
    const key = { "idempotency-key": "once" };
    const first = await start({ program: "echo", input: 1 }, key);
    expect((await start({ program: "echo", input: 1 }, key)).run.id).toBe(first.run.id);
    expect(await codeOf(await post("/v1/runs", { program: "echo", input: 2 }, key))).toEqual([409, "conflict"]);
    expect(await codeOf(await post("/v1/runs", { program: "echo", input: 2 }, { "idempotency-key": "é" }))).toEqual([
      400,
      "invalid_argument",
    ]);
  });

  it.each([
    [404, "not_found", { program: "none" }],
    [404, "not_found", { program: "echo", version: "9" }],
    [400, "invalid_argument", { program: "release", input: { name: 5 } }],
    [400, "invalid_argument", { program: "release", input: { name: "x", more: 1 } }],
    [400, "invalid_argument", { program: "release" }],
    [400, "invalid_argument", { program: "" }],
    [400, "invalid_argument", {}],
    [400, "invalid_argument", { program: "echo", budget: { tokens: -1 } }],
    [400, "invalid_argument", { program: "echo", budget: { coins: 1 } }],
    [400, "invalid_argument", { program: "echo", timeoutMs: 0 }],
    [400, "invalid_argument", { program: "echo", priority: 1001 }],
    [400, "invalid_argument", { program: "echo", wait: "yes" }],
    [400, "invalid_argument", { program: "echo", extra: 1 }],
    [400, "invalid_argument", []],
  ])("refuses rubbish with %i %s (%j)", async (status, code, body) => {
    expect(await codeOf(await post("/v1/runs", body))).toEqual([status, code]);
  });

  it("says which versions and which fields there are", async () => {
    const unknown = await json<{ error: { message: string; details: object } }>(
      await post("/v1/runs", { program: "echo", version: "9" }),
    );
    expect(unknown.error).toMatchObject({
      message: expect.stringContaining("1, 2"),
      details: { versions: ["1", "2"] },
    });
    const wrong = await json<{ error: { details: object } }>(
      await post("/v1/runs", { program: "release", input: { name: 5 } }),
    );
    expect(wrong.error.details).toMatchObject({ issues: [{ path: "name" }] });
  });
});

describe("looking", () => {
  it("lists by status, program and parent, in pages", async () => {
    const { run: parent } = await start({ program: "parent", input: 1, wait: true });
    const children = await get<{ items: Run[] }>(`/v1/runs?parentId=${parent.id}`);
    expect(children.items).toEqual([expect.objectContaining({ program: "echo", parentId: parent.id })]);
    const hostile = await start({ program: "hostile", wait: true });
    const failed = await get<{ items: Run[] }>("/v1/runs?status=failed&program=hostile");
    expect(failed.items.map(({ id }) => id)).toContain(hostile.run.id);
    expect((await get<{ items: Run[] }>("/v1/runs?status=completed,cancelled&program=hostile")).items).toEqual([]);
    const first = await get<{ items: Run[]; nextCursor: string }>("/v1/runs?limit=2");
    const second = await get<{ items: Run[] }>(`/v1/runs?limit=2&cursor=${encodeURIComponent(first.nextCursor)}`);
    const ids = [...first.items, ...second.items].map(({ id }) => id);
    expect(new Set(ids).size).toBe(4);
    expect(ids.toSorted().toReversed()).toEqual(ids);
    for (const query of ["status=done", "parentId=x", "limit=0", "cursor=x", "other=1"]) {
      expect([query, ...(await codeOf(await server.request(`/v1/runs?${query}`)))]).toEqual([
        query,
        400,
        "invalid_argument",
      ]);
    }
  });

  it("reads a journal in pages, which chain", async () => {
    const { run } = await start({ program: "steps", input: { steps: 4 }, wait: true });
    interface Page {
      readonly items: JournalRecord[];
      readonly nextAfterSeq: number;
      readonly done: boolean;
    }
    const read = (query: string) => get<Page>(`/v1/runs/${run.id}/journal?${query}`);
    const whole = await read("");
    expect(whole).toMatchObject({ done: true, nextAfterSeq: 10 });
    expect(whole.items.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const part = await read("afterSeq=3&limit=5");
    expect(part).toEqual({ items: whole.items.slice(3, 8), nextAfterSeq: 8, done: false });
    expect(await read("afterSeq=8&limit=2")).toEqual({ items: whole.items.slice(8), nextAfterSeq: 10, done: true });
    expect(await read("afterSeq=99")).toEqual({ items: [], nextAfterSeq: 99, done: true });
    for (const query of ["afterSeq=-1", "limit=0", "limit=10001", "x=1"]) {
      expect((await server.request(`/v1/runs/${run.id}/journal?${query}`)).status).toBe(400);
    }
  });

  it("ends a page of large payloads early", async () => {
    const { run } = await start({ program: "steps", input: { steps: 20, characters: 2_000_000 }, wait: true });
    const page = await get<{ items: JournalRecord[]; done: boolean; nextAfterSeq: number }>(
      `/v1/runs/${run.id}/journal`,
    );
    expect(page.done).toBe(false);
    expect(page.items.length).toBeLessThan(25);
    const rest = await get<{ items: JournalRecord[] }>(
      `/v1/runs/${run.id}/journal?afterSeq=${page.nextAfterSeq}&limit=1`,
    );
    expect(rest.items[0]?.seq).toBe(page.nextAfterSeq + 1);
  });

  it("shows what a run does as a graph", async () => {
    const id = await waiting();
    const graph = await get<RunGraph>(`/v1/runs/${id}/graph`);
    expect(graph.nodes.find(({ path }) => path === "approve")).toMatchObject({
      kind: "wait",
      status: "waiting",
      waitsFor: { kind: "approval", name: "approve" },
    });
    expect(graph.edges).toContainEqual({ from: "sleep", to: "approve" });
    expect(graph.omitted).toBe(0);
    await approve(id);
  });
});

describe("a live journal", () => {
  /** Frames until `stop` says so or the stream ends; the connection is then cut. */
  async function frames(id: string, headers: Record<string, string>, stop: (text: string) => boolean): Promise<string> {
    const answer = await server.request(`/v1/runs/${id}/journal`, {
      headers: { accept: "text/event-stream", ...headers },
      signal: AbortSignal.timeout(30_000),
    });
    expect(answer.headers.get("content-type")).toContain("text/event-stream");
    let text = "";
    for await (const piece of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += piece;
      if (stop(text)) break;
    }
    return text;
  }
  const seqs = (text: string) => [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));

  it("goes on after a cut at the record that was seen last, beats in between, and ends with the run", async () => {
    const id = await waiting();
    const before = await frames(id, {}, (text) => text.includes("signal.waiting") && text.includes(": heartbeat"));
    const seen = seqs(before);
    expect(seen).toEqual(seen.map((_, index) => index + 1));
    await approve(id);
    const after = await frames(id, { "last-event-id": String(seen.at(-1)) }, () => false);
    const all = [...seen, ...seqs(after)];
    expect(all).toEqual(all.map((_, index) => index + 1));
    const end = JSON.parse(after.split("event: end\ndata: ")[1] ?? "{}") as Result;
    expect(end.run).toMatchObject({ id, status: "completed" });
    const { items } = await get<{ items: JournalRecord[] }>(`/v1/runs/${id}/journal`);
    expect(items.length).toBe(all.length);
    expect(JSON.parse(after.split("data: ")[1]?.split("\n")[0] ?? "")).toEqual(items[seen.length]);
  });

  it("is refused for what is not there, before it begins", async () => {
    const headers = { accept: "text/event-stream" };
    const none = await server.request("/v1/runs/01900000-0000-7000-8000-000000000000/journal", { headers });
    expect(await codeOf(none)).toEqual([404, "not_found"]);
    const { run } = await echo(1);
    const bad = await server.request(`/v1/runs/${run.id}/journal`, { headers: { ...headers, "last-event-id": "x" } });
    expect(await codeOf(bad)).toEqual([400, "invalid_argument"]);
  });
});

describe("changing", () => {
  it("signals, cancels with a reason, and refuses both once it has ended", async () => {
    const id = await waiting();
    for (const [name, body] of [
      ["$cancel", {}],
      ["x".repeat(101), {}],
      ["a", { more: 1 }],
    ] as const) {
      expect(await codeOf(await post(`/v1/runs/${id}/signals/${name}`, body))).toEqual([400, "invalid_argument"]);
    }
    const cancelled = await post(`/v1/runs/${id}/cancel`, { reason: "no more" });
    expect(cancelled.status).toBe(202);
    expect(await get<Result>(`/v1/runs/${id}/result?wait=true`)).toMatchObject({
      run: { status: "cancelled", error: { message: "no more" } },
    });
    expect(await codeOf(await post(`/v1/runs/${id}/signals/approve`, {}))).toEqual([409, "conflict"]);
    expect(await codeOf(await server.request(`/v1/runs/${id}/cancel`, { method: "POST" }))).toEqual([409, "conflict"]);
    expect(await codeOf(await server.request(`/v1/runs/${id}/resume`, { method: "POST" }))).toEqual([409, "conflict"]);
  });

  it("takes back to a step, and goes on from there", async () => {
    const id = await waiting();
    await approve(id, "first");
    expect(await codeOf(await post(`/v1/runs/${id}/rollback`, { step: "none" }))).toEqual([404, "not_found"]);
    expect(await codeOf(await post(`/v1/runs/${id}/rollback`, {}))).toEqual([400, "invalid_argument"]);
    const back = await post(`/v1/runs/${id}/rollback`, { step: "approve", reason: "asked the wrong one" });
    expect(back.status).toBe(202);
    expect(await approve(id, "second")).toMatchObject({ run: { status: "completed" }, output: { answer: "second" } });
    const { items } = await get<{ items: JournalRecord[] }>(`/v1/runs/${id}/journal`);
    expect(items.find(({ type }) => type === "rollback")?.payload).toMatchObject({
      step: "approve",
      reason: "asked the wrong one",
    });
  });

  it("forks with another input, with a patch, and with nothing changed; not with both", async () => {
    const id = await waiting();
    await approve(id);
    const fork = async (body: object) => {
      const answer = await post(`/v1/runs/${id}/fork`, { step: "ask", ...body });
      expect(answer.status).toBe(201);
      const { run } = await json<Result>(answer);
      expect(run.forkedFrom).toEqual({ runId: id, step: "ask" });
      return (await get<Result>(`/v1/runs/${run.id}/result?wait=true`)).output;
    };
    expect(await fork({})).toMatchObject({ model: "small" });
    expect(await fork({ patch: { model: "large" } })).toMatchObject({ model: "large" });
    expect(await fork({ input: { model: "other" } })).toMatchObject({ model: "other" });
    for (const body of [{ step: "ask", input: 1, patch: {} }, {}, { step: "", input: 1 }]) {
      expect(await codeOf(await post(`/v1/runs/${id}/fork`, body))).toEqual([400, "invalid_argument"]);
    }
    expect(await codeOf(await post(`/v1/runs/${id}/fork`, { step: "none" }))).toEqual([404, "not_found"]);
  });

  it("replays, and names the first record that differs", async () => {
    const { run } = await echo({ a: 1 });
    expect(await json(await post(`/v1/runs/${run.id}/replay`))).toEqual({ identical: true, records: 4 });
    const plain = await server.request(`/v1/runs/${run.id}/replay`, { method: "POST" });
    expect(await json(plain)).toMatchObject({ identical: true });
    const fickle = await start({ program: "fickle", wait: true });
    const report = await json<ReplayReport>(await post(`/v1/runs/${fickle.run.id}/replay`));
    expect(report).toMatchObject({ identical: false, firstDifference: { seq: 2, step: "step 1" } });
    expect(await codeOf(await post(`/v1/runs/${run.id}/replay`, { live: "yes" }))).toEqual([400, "invalid_argument"]);
  });

  it("is deleted once it has ended", async () => {
    const id = await waiting();
    const remove = () => server.request(`/v1/runs/${id}`, { method: "DELETE" });
    expect(await codeOf(await remove())).toEqual([409, "conflict"]);
    await approve(id);
    await expect.poll(async () => (await remove()).status).toBe(204);
    expect(await codeOf(await remove())).toEqual([404, "not_found"]);
  });
});

describe("journals as files", () => {
  it("go out and come in byte for byte, also large payloads, and verify and replay there", async () => {
    const { run } = await start({ program: "steps", input: { steps: 3, characters: 300_000 }, wait: true });
    const text = await exported(run.id);
    expect(await codeOf(await upload(text))).toEqual([409, "already_exists"]);
    expect((await server.request(`/v1/runs/${run.id}`, { method: "DELETE" })).status).toBe(204);
    const imported = await upload(text);
    expect([imported.status, await imported.json()]).toEqual([
      201,
      { run: expect.objectContaining({ id: run.id, imported: true, status: "completed" }), records: 8 },
    ]);
    expect(await exported(run.id)).toBe(text);
    expect(await json(await post(`/v1/runs/${run.id}/verify`))).toMatchObject({ ok: true, records: 8 });
    expect(await json(await post(`/v1/runs/${run.id}/replay`))).toMatchObject({ identical: true });
    expect(await get(`/v1/runs/${run.id}/result`)).toMatchObject({ output: 3 });
    const forked = await json<Result>(await post(`/v1/runs/${run.id}/fork`, { step: "step#2" }));
    expect(await get(`/v1/runs/${forked.run.id}/result?wait=true`)).toMatchObject({
      run: { forkedFrom: { runId: run.id } },
      output: 3,
    });
  });

  it("that are torn say so; that are damaged are refused with the line, and leave nothing", async () => {
    const { run } = await echo({ text: "precious" });
    const text = await exported(run.id);
    await server.request(`/v1/runs/${run.id}`, { method: "DELETE" });
    const bad: [string | Uint8Array, string, object][] = [
      [text.replace('"precious"', '"perilous"'), "journal_corrupt", { line: 2 }],
      [text.split("\n").toSpliced(3, 1).join("\n"), "journal_corrupt", { line: 4 }],
      [`${text}{}\n`, "journal_corrupt", { line: 6 }],
      [
        Buffer.concat([Buffer.from(text.slice(0, -20)), Buffer.of(0xff, 0xfe), Buffer.from("\n")]),
        "journal_corrupt",
        {},
      ],
      ["", "journal_corrupt", {}],
      ["{}\n", "journal_corrupt", { line: 1 }],
      ["not JSON", "journal_corrupt", { line: 1 }],
    ];
    for (const [content, code, details] of bad) {
      const answer = await upload(content);
      const { error } = await json<{ error: { code: string; details?: object } }>(answer);
      expect([answer.status, error.code, error.details ?? {}]).toEqual([422, code, expect.objectContaining(details)]);
      expect((await server.request(`/v1/runs/${run.id}`)).status).toBe(404);
    }
    const torn = await json<{ run: Run; torn: object }>(await upload(text.slice(0, -20)));
    expect(torn).toMatchObject({ records: 3, torn: { afterSeq: 3, missing: 1 }, run: { status: "failed" } });
  });

  it("are bounded", async () => {
    await using small = await startTestServer({ programs: known, settings: { uploadBytes: 100 } });
    const answer = await small.request("/v1/runs/import", {
      method: "POST",
      body: "x".repeat(200),
      headers: { "content-type": "application/x-ndjson" },
    });
    expect(await codeOf(answer)).toEqual([413, "payload_too_large"]);
  });
});

describe("who may", () => {
  it("sees nothing of another tenant's", async () => {
    const id = await waiting();
    const bearer = { authorization: `Bearer ${await server.token(["admin"], "umbrella")}` };
    const asked: [string, string, unknown?][] = [
      ["GET", ""],
      ["GET", "/result"],
      ["GET", "/result?wait=true"],
      ["GET", "/journal"],
      ["GET", "/graph"],
      ["GET", "/budget"],
      ["GET", "/export"],
      ["POST", "/signals/approve", {}],
      ["POST", "/cancel", {}],
      ["POST", "/resume"],
      ["POST", "/rollback", { step: "sleep" }],
      ["POST", "/replay", {}],
      ["POST", "/fork", { step: "sleep" }],
      ["POST", "/verify"],
      ["DELETE", ""],
    ];
    for (const [method, what, body] of asked) {
      const answer =
        body === undefined
          ? await server.request(`/v1/runs/${id}${what}`, { method, headers: bearer })
          : await server.send(method, `/v1/runs/${id}${what}`, body, bearer);
      expect([method, what, ...(await codeOf(answer))]).toEqual([method, what, 404, "not_found"]);
    }
    expect(await json(await server.request("/v1/runs", { headers: bearer }))).toEqual({ items: [] });
    expect(await approve(id)).toMatchObject({ run: { status: "completed" } });
  });

  it("reads as viewer, and changes as developer; what was done is in the audit log", async () => {
    const viewer = { authorization: `Bearer ${await server.token(["viewer"])}` };
    const id = await waiting();
    for (const what of ["", "/result", "/journal", "/graph", "/budget"]) {
      expect([what, (await server.request(`/v1/runs/${id}${what}`, { headers: viewer })).status]).toEqual([what, 200]);
    }
    const refused = [
      await server.request(`/v1/runs/${id}/export`, { headers: viewer }),
      await server.request(`/v1/runs/${id}`, { method: "DELETE", headers: viewer }),
      await post("/v1/runs", { program: "echo" }, viewer),
      await post(`/v1/runs/${id}/signals/approve`, {}, viewer),
      await post(`/v1/runs/${id}/replay`, {}, viewer),
    ];
    for (const answer of refused) expect(await codeOf(answer)).toEqual([403, "permission_denied"]);
    const developer = { authorization: `Bearer ${await server.token(["developer"])}`, "x-request-id": "by-developer" };
    const { run } = await start({ program: "echo", input: "private", wait: true }, developer);
    await expect
      .poll(async () => (await get<{ items: AuditRecord[] }>("/v1/audit?requestId=by-developer")).items)
      .toEqual([expect.objectContaining({ action: "runs.start", resource: { kind: "runs", id: run.id } })]);
    await approve(id);
  });

  it("answers what waits when the server stops: the run goes on with the next one", async () => {
    await using other = await startTestServer({ programs: known });
    const answer = other.send("POST", "/v1/runs", { program: "release", input: { name: "x" }, wait: true });
    await expect.poll(async () => (await other.runs.list("default")).items.length).toBe(1);
    await delay(20);
    const closing = other.http.close();
    expect(await codeOf(await answer)).toEqual([503, "unavailable"]);
    await closing;
    const [run] = (await other.runs.list("default")).items;
    expect(["queued", "running", "waiting"]).toContain(run?.status);
  });
});
