import { afterAll, beforeAll, expect, test } from "vitest";
import type { Session, Snapshot } from "../../core/index.ts";
import { newId } from "../../core/index.ts";
import { startTestServer, type TestServer } from "./testing/server.ts";
import { realServices } from "./testing/services.ts";

let server: TestServer;
let base: string;
beforeAll(async () => {
  server = await startTestServer({ services: realServices });
  base = `/v1/sessions/${await newSession()}`;
});
afterAll(() => server[Symbol.asyncDispose]());

async function newSession(body: object = { template: "bash" }): Promise<string> {
  const made = await server.send("POST", "/v1/sessions", body);
  expect(made.status).toBe(201);
  return ((await made.json()) as Session).id;
}

async function out(path: string, code: string): Promise<string> {
  const body = { kind: "command", argv: ["bash", "-c", code], wait: true };
  const answer = await server.send("POST", `${path}/executions`, body);
  const { events } = (await answer.json()) as { events: { type: string; payload: { text?: string } }[] };
  return events.flatMap(({ type, payload }) => (type === "stdout" ? [payload.text ?? ""] : [])).join("");
}

test("snapshots are made, listed, read, compared, returned to, forked and deleted over HTTP", async () => {
  await out(base, "echo one > f");
  const made = await server.send("POST", `${base}/snapshots`, { name: "first" });
  expect(made.status).toBe(201);
  const first = (await made.json()) as Snapshot;
  expect(first).toMatchObject({ name: "first", kind: "files", entries: 1, bytes: 4 });
  await out(base, "echo two > f; echo new > g");
  const diff = await server.request(`${base}/snapshots/${first.id}/diff`);
  expect(await diff.json()).toMatchObject({
    items: [
      { path: "f", change: "modified" },
      { path: "g", change: "added", sizeAfter: 4 },
    ],
    truncated: false,
  });
  const back = await server.send("POST", `${base}/rollback`, { snapshot: first.id, paths: ["f"] });
  expect(back.status).toBe(200);
  const { undo } = (await back.json()) as { undo: Snapshot };
  expect(await out(base, "cat f g")).toBe("one\nnew\n");
  const between = await server.request(`${base}/snapshots/${first.id}/diff?to=${undo.id}`);
  expect(((await between.json()) as { items: unknown[] }).items).toHaveLength(2);
  const forked = await server.send("POST", `${base}/fork`, { count: 2, snapshot: undo.id });
  expect(forked.status).toBe(201);
  const answer = (await forked.json()) as { sessions: Session[]; path: string };
  expect(answer).toMatchObject({ path: "files", sessions: [{ forkedFromSnapshotId: undo.id }, {}] });
  expect(await out(`/v1/sessions/${answer.sessions[1]?.id}`, "cat f")).toBe("two\n");
  const list = await server.request(`${base}/snapshots?limit=1`);
  expect(await list.json()).toMatchObject({ items: [{ id: undo.id }], head: first.id, nextCursor: expect.any(String) });
  expect((await server.request(`${base}/snapshots/${undo.id}`)).status).toBe(200);
  expect((await server.request(`${base}/snapshots/${undo.id}`, { method: "DELETE" })).status).toBe(204);
  expect((await server.request(`${base}/snapshots/${undo.id}`)).status).toBe(404);
});

test("a snapshot that is asked for twice with one key is taken once", async () => {
  const headers = { "idempotency-key": newId() };
  const [one, two] = [
    await server.send("POST", `${base}/snapshots`, {}, headers),
    await server.send("POST", `${base}/snapshots`, {}, headers),
  ];
  expect(((await one.json()) as Snapshot).id).toBe(((await two.json()) as Snapshot).id);
  expect(two.headers.get("idempotent-replayed")).toBe("true");
});

test("what cannot be is refused with its code", async () => {
  const isolate = `/v1/sessions/${await newSession({ isolation: "isolate" })}`;
  const stranger = await server.token(["admin"], "other");
  const asked: [string, string, unknown, number, string][] = [
    [`${base}/rollback`, "POST", { snapshot: newId() }, 404, "not_found"],
    [`${base}/rollback`, "POST", { snapshot: newId(), paths: [] }, 400, "invalid_argument"],
    [`${base}/fork`, "POST", { count: 65 }, 400, "invalid_argument"],
    [`${base}/fork`, "POST", { count: 1, memory: true }, 400, "invalid_argument"],
    [`${base}/snapshots`, "POST", { name: "" }, 400, "invalid_argument"],
    [`${isolate}/snapshots`, "POST", {}, 422, "not_supported_by_isolation"],
    [`${isolate}/fork`, "POST", {}, 422, "not_supported_by_isolation"],
    [`/v1/sessions/${newId()}/snapshots`, "POST", {}, 404, "not_found"],
  ];
  for (const [path, method, body, status, code] of asked) {
    const answer = await server.send(method, path, body);
    expect([answer.status, ((await answer.json()) as { error: { code: string } }).error.code], path).toEqual([
      status,
      code,
    ]);
  }
  const foreign = { authorization: `Bearer ${stranger}` };
  expect((await server.request(`${base}/snapshots`, { headers: foreign })).status).toBe(404);
  const viewer = { authorization: `Bearer ${await server.token(["viewer"])}` };
  expect((await server.send("POST", `${base}/snapshots`, {}, viewer)).status).toBe(403);
  expect((await server.request(`${base}/snapshots`, { headers: viewer })).status).toBe(200);
});
