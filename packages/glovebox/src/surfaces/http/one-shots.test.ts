import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, codeOf, json } from "./testing/answers.ts";
import { startTestServer, type TestServer } from "./testing/server.ts";
import { realServices } from "./testing/services.ts";

let server: TestServer;
let session: string;
beforeAll(async () => {
  server = await startTestServer({ services: realServices });
  session = (await json<{ id: string }>(await server.send("POST", "/v1/sessions", { template: "python" }))).id;
});
afterAll(async () => await server[Symbol.asyncDispose]());

describe("one-shots and batches over HTTP", () => {
  it("makes a session, runs and closes it", async () => {
    const answer = await json<Answer & { execution: { sessionId: string } }>(
      await server.send("POST", "/v1/execute", { kind: "repl", language: "python", input: "6*7" }),
    );
    expect(answer.execution).toMatchObject({ status: "ok", result: { json: 42 } });
    const left = await json<{ status: string; closedBy: string }>(
      await server.request(`/v1/sessions/${answer.execution.sessionId}`),
    );
    expect(left).toMatchObject({ status: "closed", closedBy: "execute" });
    const headers = { "idempotency-key": "shot-1" };
    const shot = { kind: "command", argv: ["echo", "once"], session: { template: "bash" } };
    const first = await json<Answer>(await server.send("POST", "/v1/execute", shot, headers));
    expect(await json<Answer>(await server.send("POST", "/v1/execute", shot, headers))).toEqual(first);
  });

  it("runs batches in order, stopping at a failure unless told otherwise", async () => {
    const items = ["echo one", "exit 3", "echo three"].map((line) => ({
      kind: "command",
      argv: ["/bin/sh", "-c", line],
    }));
    type Items = { items: { execution?: { status: string }; skipped?: boolean; error?: { code: string } }[] };
    const stopped = await json<Items>(await server.send("POST", "/v1/executions/batch", { sessionId: session, items }));
    expect(stopped.items.map((item) => item.execution?.status ?? item.skipped)).toEqual(["ok", "error", true]);
    const all = await json<Items>(
      await server.send("POST", "/v1/executions/batch", { sessionId: session, items, continueOnError: true }),
    );
    expect(all.items.map((item) => item.execution?.status)).toEqual(["ok", "error", "ok"]);
    const parallel = await json<Items>(
      await server.send("POST", "/v1/executions/batch", { sessionId: session, items, mode: "parallel" }),
    );
    expect(parallel.items.map((item) => item.execution?.status)).toEqual(["ok", "error", "ok"]);
    const refused = await json<Items>(
      await server.send("POST", "/v1/executions/batch", {
        sessionId: "01890000-0000-7000-8000-000000000000",
        items: items.slice(0, 1),
      }),
    );
    expect(refused.items[0]?.error?.code).toBe("not_found");
    const both = { sessionId: session, items: [{ ...items[0], session: { template: "bash" } }] };
    expect(await codeOf(await server.send("POST", "/v1/executions/batch", both))).toEqual([400, "invalid_argument"]);
  });
});
