import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, codeOf, type Event, json, openWebSocket, parseFrames, readFrames } from "./testing/answers.ts";
import { startTestServer, type TestServer } from "./testing/server.ts";
import { realServices } from "./testing/services.ts";

let server: TestServer;
let session: string;
beforeAll(async () => {
  server = await startTestServer({ services: realServices, settings: { heartbeatMs: 200 } });
  session = (await json<{ id: string }>(await server.send("POST", "/v1/sessions", { template: "python" }))).id;
});
afterAll(async () => await server[Symbol.asyncDispose]());

async function run(input: string): Promise<Answer> {
  const response = await server.send("POST", `/v1/sessions/${session}/executions`, {
    kind: "repl",
    language: "python",
    input,
    wait: true,
  });
  expect(response.status).toBe(200);
  return await json<Answer>(response);
}

async function start(body: Record<string, unknown>): Promise<string> {
  const response = await server.send("POST", `/v1/sessions/${session}/executions`, body);
  expect(response.status).toBe(202);
  return (await json<Answer>(response)).execution.id;
}

describe("sessions over HTTP", () => {
  it("runs code and answers with the execution and its events", async () => {
    const { execution, events } = await run("print('hi')\n20+22");
    expect(execution).toMatchObject({ status: "ok", exitCode: 0, result: { json: 42 } });
    expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(events.map(({ type }) => type)).toEqual(["input_echo", "stdout", "value"]);
  });

  it("pages through events and says when there are no more", async () => {
    const { execution, events } = await run("for i in range(5): print(i, flush=True)");
    const path = `/v1/executions/${execution.id}/events`;
    const whole = await json<{ items: Event[]; nextAfterSeq: number; done: boolean }>(await server.request(path));
    expect(whole).toEqual({ items: events, nextAfterSeq: events.length, done: true });
    const first = await json<{ items: Event[]; nextAfterSeq: number; done: boolean }>(
      await server.request(`${path}?limit=1`),
    );
    expect(first).toMatchObject({ nextAfterSeq: 1, done: false });
    const tail = await json<{ items: Event[] }>(await server.request(`${path}?afterSeq=${events.length - 1}`));
    expect(tail.items).toEqual(events.slice(-1));
    const beyond = await json<{ items: Event[]; nextAfterSeq: number }>(await server.request(`${path}?afterSeq=999`));
    expect(beyond).toMatchObject({ items: [], nextAfterSeq: 999, done: true });
  });

  it("streams events live over SSE, with signs of life, resumes, and ends", async () => {
    const id = await start({
      kind: "repl",
      language: "python",
      input: "import time\nfor i in range(3):\n  print(i, flush=True)\n  time.sleep(0.4)",
    });
    const path = `/v1/executions/${id}/events`;
    const begin = await readFrames(server, path, {}, (all) => all.length >= 2);
    const seen = begin.frames.at(-1)?.id ?? 0;
    expect(seen).toBeGreaterThan(0);
    const rest = await readFrames(server, path, { "last-event-id": String(seen) });
    expect(rest.text).toContain(": heartbeat");
    const all = [...begin.frames, ...rest.frames];
    const end = all.at(-1);
    expect(end).toMatchObject({ event: "end", data: { execution: { id, status: "ok" } } });
    const ids = all.slice(0, -1).map((frame) => frame.id);
    expect(ids).toEqual(Array.from({ length: ids.length }, (_, index) => index + 1));
    expect(
      all
        .filter(({ data }) => data.type === "stdout")
        .map(({ data }) => (data.payload as { text: string }).text)
        .join(""),
    ).toBe("0\n1\n2\n");
    expect(
      await codeOf(await server.request(path, { headers: { accept: "text/event-stream", "last-event-id": "x" } })),
    ).toEqual([400, "invalid_argument"]);
  });

  it("never slows the sandbox for a slow reader, who still gets everything", async () => {
    const lines = 20_000;
    const id = await start({
      kind: "repl",
      language: "python",
      input: `for i in range(${lines}): print(f"line {i} " + "x" * 30, flush=i % 50 == 0)`,
      limits: { outputBytes: 8 << 20 },
    });
    const socket = connect({ host: "127.0.0.1", port: Number(new URL(server.url).port) });
    socket.write(
      `GET /v1/executions/${id}/events HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\nauthorization: Bearer ${server.root}\r\n\r\n`,
    );
    socket.pause();
    const page = async () =>
      await json<{ done: boolean }>(await server.request(`/v1/executions/${id}/events?afterSeq=9999999`));
    while (!(await page()).done) await new Promise((resolve) => setTimeout(resolve, 20));
    let text = "";
    for await (const chunk of socket) {
      text += String(chunk);
      if (text.includes("event: end")) break;
    }
    const body = text.slice(text.indexOf("\r\n\r\n")).replaceAll(/\r\n[0-9a-f]+\r\n/g, "");
    const ids = [...body.matchAll(/(?:^|\n)id: (\d+)\n/g)].map((match) => Number(match[1]));
    expect(ids).toEqual(Array.from({ length: ids.length }, (_, index) => index + 1));
    const printed = parseFrames(body)
      .map(({ data }) => (data.type === "stdout" ? (data.payload as { text: string }).text : ""))
      .join("")
      .split("\n")
      .slice(0, -1)
      .map((line) => Number(line.split(" ")[1]));
    expect(printed.at(-1)).toBe(lines - 1);
    expect(printed).toHaveLength(lines);
  });

  it("streams what happens to a session until it ends", async () => {
    const { id } = await json<{ id: string }>(await server.send("POST", "/v1/sessions", { template: "bash" }));
    const seen = readFrames(server, `/v1/sessions/${id}/events`);
    expect((await server.request(`/v1/sessions/${id}/close`, { method: "POST" })).status).toBe(200);
    expect((await seen).frames.at(-1)).toMatchObject({ event: "end", data: { session: { id, status: "closed" } } });
    const page = await json<{ done: boolean }>(await server.request(`/v1/sessions/${id}/events`));
    expect(page.done).toBe(true);
  });

  it("streams events live over a WebSocket, and resumes", async () => {
    const id = await start({ kind: "repl", language: "python", input: "print(1)\nprint(2)\n3" });
    const all = await openWebSocket(server, `/v1/executions/${id}/events/ws`);
    expect(await all.closed).toMatchObject({ code: 1000 });
    expect(all.messages.at(-1)).toMatchObject({ type: "end", execution: { id, status: "ok" } });
    const seqs = all.messages.slice(0, -1).map((message) => (message.event as Event).seq);
    expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, index) => index + 1));
    const tail = await openWebSocket(server, `/v1/executions/${id}/events/ws?afterSeq=${seqs.length - 1}`);
    await tail.closed;
    expect(tail.messages).toHaveLength(2);
  });

  it("refuses a WebSocket without a token, of an unknown execution, and a plain request", async () => {
    const unknown = "01890000-0000-7000-8000-000000000000";
    expect(await (await openWebSocket(server, `/v1/executions/${unknown}/events/ws`, ["glovebox.v1"])).opened).toBe(
      false,
    );
    const missing = await openWebSocket(server, `/v1/executions/${unknown}/events/ws`);
    expect(await missing.closed).toMatchObject({ code: 1008, reason: "not_found" });
    expect(missing.messages).toMatchObject([
      { type: "error", error: { code: "not_found", requestId: expect.any(String) } },
    ]);
    expect(await codeOf(await server.request(`/v1/executions/${unknown}/events/ws`))).toEqual([
      400,
      "invalid_argument",
    ]);
    const bad = await openWebSocket(server, `/v1/executions/${unknown}/events/ws?x=1`);
    await bad.closed;
    expect(bad.messages).toMatchObject([{ error: { code: "invalid_argument" } }]);
  });

  it("gives a terminal that can be typed into, resized, left and found again", async () => {
    const terminal = await openWebSocket(server, `/v1/sessions/${session}/terminal?rows=10&columns=40`);
    await terminal.until(() => terminal.messages.some(({ type }) => type === "started"));
    const { items: opened } = await server.audit.list("default", { action: "sessions.terminal" });
    expect(opened).toMatchObject([
      { resource: { id: session }, decision: "allow", reasons: ["role admin", "status 101"] },
    ]);
    const executionId = String(terminal.messages[0]?.executionId);
    terminal.socket.send(Buffer.from("stty size; echo mark-$((40+2))\n"));
    await terminal.until(() => terminal.output().includes("mark-42"));
    expect(terminal.output()).toContain("10 40");
    terminal.socket.send(JSON.stringify({ type: "resize", rows: 20, columns: 90 }));
    terminal.socket.send(JSON.stringify({ type: "input", text: "stty size\n" }));
    await terminal.until(() => terminal.output().includes("20 90"));
    const seq = terminal.messages.findLast(({ type }) => type === "seq")?.seq;
    terminal.socket.close();
    const again = await openWebSocket(
      server,
      `/v1/sessions/${session}/terminal?executionId=${executionId}&afterSeq=${String(seq)}`,
    );
    await again.opened;
    again.socket.send(Buffer.from("exit 3\n"));
    expect(await again.closed).toMatchObject({ code: 1000 });
    expect(again.messages.at(-1)).toMatchObject({ type: "exit", exitCode: 3 });
    expect(again.output()).not.toContain("mark-42");
  });

  it("refuses nonsense from a terminal's client", async () => {
    const terminal = await openWebSocket(server, `/v1/sessions/${session}/terminal`);
    await terminal.opened;
    terminal.socket.send('{"type":"dance"}');
    await terminal.closed;
    expect(terminal.messages.at(-1)).toMatchObject({ type: "error", error: { code: "invalid_argument" } });
    for (const { id } of (
      await json<{ items: { id: string }[] }>(await server.request("/v1/executions?status=running"))
    ).items) {
      await server.request(`/v1/executions/${id}/cancel`, { method: "POST" });
    }
  });

  it("writes to stdin, and cancels", async () => {
    const id = await start({
      kind: "command",
      argv: ["/bin/sh", "-c", "read line; echo got $line; sleep 60"],
      background: true,
    });
    expect((await server.send("POST", `/v1/executions/${id}/stdin`, { text: "water\n" })).status).toBe(204);
    await readFrames(server, `/v1/executions/${id}/events`, {}, (all) =>
      all.some(({ data }) => JSON.stringify(data).includes("got water")),
    );
    const cancelled = await json<{ status: string }>(
      await server.request(`/v1/executions/${id}/cancel`, { method: "POST" }),
    );
    expect(cancelled.status).toBe("cancelled");
    expect(await codeOf(await server.send("POST", `/v1/executions/${id}/stdin`, { text: "x" }))).toEqual([
      409,
      "conflict",
    ]);
    expect(
      await codeOf(await server.send("POST", `/v1/executions/${id}/stdin`, { text: "x", base64: "eA==" })),
    ).toEqual([400, "invalid_argument"]);
    expect(await codeOf(await server.send("POST", `/v1/executions/${id}/stdin`, { base64: "***" }))).toEqual([
      400,
      "invalid_argument",
    ]);
  });

  it("makes one execution and one session per Idempotency-Key", async () => {
    const headers = { "idempotency-key": "exec-1" };
    const body = { kind: "repl", language: "python", input: "7*6", wait: true };
    const first = await json<Answer>(await server.send("POST", `/v1/sessions/${session}/executions`, body, headers));
    const again = await server.send("POST", `/v1/sessions/${session}/executions`, body, headers);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(await json<Answer>(again)).toEqual(first);
    expect(
      await codeOf(await server.send("POST", `/v1/sessions/${session}/executions`, { ...body, input: "1" }, headers)),
    ).toEqual([409, "conflict"]);

    const create = () => server.send("POST", "/v1/sessions", { template: "bash" }, { "idempotency-key": "session-1" });
    const one = await json<{ id: string }>(await create());
    const two = await create();
    expect(two.headers.get("idempotent-replayed")).toBe("true");
    expect((await json<{ id: string }>(two)).id).toBe(one.id);
    expect((await server.request(`/v1/sessions/${one.id}`, { method: "DELETE" })).status).toBe(204);
  });

  it("refuses a second request with a key while the first is worked on, and forgets the key of a failure", async () => {
    const headers = { "idempotency-key": "shot-slow" };
    const shot = { kind: "command", argv: ["sleep", "1"], session: { template: "bash" } };
    const both = await Promise.all([1, 2].map(() => server.send("POST", "/v1/execute", shot, headers)));
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
    const failing = { template: "no-such-template" };
    const failed = () => server.send("POST", "/v1/sessions", failing, { "idempotency-key": "fails" });
    expect((await failed()).status).toBe(404);
    expect((await failed()).status).toBe(404);
    const cloned = () =>
      server.send("POST", "/v1/templates/bash/clone", { name: "bash-copy" }, { "idempotency-key": "clone" });
    expect((await cloned()).headers.get("idempotent-replayed")).toBeNull();
    const again = await cloned();
    expect([again.status, again.headers.get("idempotent-replayed")]).toEqual([201, "true"]);
    const differ = { kind: "repl", language: "python", input: "1", idempotencyKey: "a" };
    expect(
      await codeOf(await server.send("POST", `/v1/sessions/${session}/executions`, differ, { "idempotency-key": "b" })),
    ).toEqual([400, "invalid_argument"]);
  });

  it("reuses an open session by its key with 200", async () => {
    const body = { template: "bash", key: "mine", reuse: true };
    const made = await server.send("POST", "/v1/sessions", body);
    expect(made.status).toBe(201);
    const reused = await server.send("POST", "/v1/sessions", body);
    expect(reused.status).toBe(200);
    const { id } = await json<{ id: string }>(made);
    expect((await json<{ id: string }>(reused)).id).toBe(id);
    const listed = await json<{ items: { id: string }[] }>(
      await server.request("/v1/sessions?key=mine&status=ready,starting&template=bash"),
    );
    expect(listed.items.map((item) => item.id)).toEqual([id]);
    expect(await json(await server.request("/v1/sessions?template=no-such"))).toEqual({ items: [] });
    expect((await server.request(`/v1/sessions/${id}/keepalive`, { method: "POST" })).status).toBe(200);
    const pausing = await server.send("POST", `/v1/sessions/${id}/pause`, {});
    expect(await json(pausing)).toMatchObject({ id, status: "paused" });
    const refused = await server.send("POST", `/v1/sessions/${id}/pause`, { release: true });
    expect(await codeOf(refused)).toEqual([422, "not_supported_by_isolation"]);
    const resumed = await json(await server.request(`/v1/sessions/${id}/resume`, { method: "POST" }));
    expect(resumed).toMatchObject({ id, status: "ready" });
    const closed = await json<{ status: string }>(await server.request(`/v1/sessions/${id}/close`, { method: "POST" }));
    expect(closed.status).toBe("closed");
    expect((await server.send("POST", `/v1/sessions/${id}/close`, {})).status).toBe(200);
    expect(await codeOf(await server.send("POST", `/v1/sessions/${id}/close`, { force: true }))).toEqual([
      400,
      "invalid_argument",
    ]);
    expect(
      await codeOf(await server.send("POST", `/v1/sessions/${id}/executions`, { kind: "repl", input: "1" })),
    ).toEqual([409, "session_not_ready"]);
  });

  it("tells a session's statistics, events and summary", async () => {
    const stats = await json<{ pids: number; limits: unknown[] }>(
      await server.request(`/v1/sessions/${session}/stats`),
    );
    expect(stats.pids).toBeGreaterThan(0);
    expect(stats.limits.length).toBeGreaterThan(0);
    expect((await server.request(`/v1/sessions/${session}/events`)).status).toBe(200);
    const summary = await json<{ sessions: { live: number } }>(await server.request("/v1/summary"));
    expect(summary.sessions.live).toBeGreaterThanOrEqual(1);
  });

  it("keeps tenants apart", async () => {
    const headers = { authorization: `Bearer ${await server.token(["admin"], "other")}` };
    const { execution } = await run("1");
    for (const path of [
      `/v1/sessions/${session}`,
      `/v1/executions/${execution.id}`,
      `/v1/executions/${execution.id}/events`,
      `/v1/sessions/${session}/files`,
      `/v1/sessions/${session}/events`,
    ]) {
      expect([path, ...(await codeOf(await server.request(path, { headers })))]).toEqual([path, 404, "not_found"]);
    }
    expect(await json(await server.request("/v1/sessions", { headers }))).toEqual({ items: [] });
    const sse = { ...headers, accept: "text/event-stream" };
    expect((await server.request(`/v1/executions/${execution.id}/events`, { headers: sse })).status).toBe(404);
    expect((await server.request(`/v1/sessions/${session}`, { method: "DELETE", headers })).status).toBe(404);
  });
});

describe("stopping", () => {
  it("ends live streams so that they can be resumed, refuses new work, and lets go of waiters", async () => {
    await using own = await startTestServer({ services: realServices });
    const { id } = await json<{ id: string }>(await own.send("POST", "/v1/sessions", { template: "python" }));
    const waiting = own.send("POST", `/v1/sessions/${id}/executions`, {
      kind: "repl",
      language: "python",
      input: "import time; print(1, flush=True); time.sleep(30)",
      wait: true,
    });
    let running: string | undefined;
    while (running === undefined) {
      running = (await json<{ items: { id: string }[] }>(await own.request("/v1/executions?status=running"))).items[0]
        ?.id;
    }
    const sse = await own.request(`/v1/executions/${running}/events`, { headers: { accept: "text/event-stream" } });
    const closing = own.http.close();
    expect(await sse.text()).not.toContain("event: end");
    expect(await codeOf(await waiting)).toEqual([503, "unavailable"]);
    await closing;
    await own.http.close();
    await expect(fetch(`${own.url}/v1/health`)).rejects.toThrow();
  });
});
