import { once } from "node:events";
import { connect } from "node:net";
import { Glovebox } from "@glovebox/sdk";
import { expect, test } from "vitest";
import { useServer } from "../support/flow.ts";
import { RawClient } from "../support/http.ts";

const stage = useServer();
const UNKNOWN = "01890000-0000-7000-8000-000000000000";

test("bad ids 400, unknown ids 404, unknown routes 404, wrong methods 405, each in the one envelope", async () => {
  const { http } = stage;
  const cases = [
    ["GET", "/v1/sessions/not-an-id", 400, "invalid_argument"],
    ["GET", `/v1/sessions/${UNKNOWN}`, 404, "not_found"],
    ["GET", `/v1/executions/${UNKNOWN}`, 404, "not_found"],
    ["GET", `/v1/executions/${UNKNOWN}/events`, 404, "not_found"],
    ["GET", "/v1/nothing-here", 404, "not_found"],
    ["DELETE", "/v1/health", 405, "method_not_allowed"],
    ["GET", "/v1/sessions?limit=0", 400, "invalid_argument"],
    ["GET", "/v1/sessions?unknown=1", 400, "invalid_argument"],
    ["GET", "/v1/sessions?cursor=rubbish", 400, "invalid_argument"],
  ] as const;
  for (const [method, path, status, code] of cases) {
    const answer = await http.request(method, path);
    expect([path, answer.status, (answer.body as { error?: { code: string } }).error?.code]).toEqual([
      path,
      status,
      code,
    ]);
    expect(JSON.stringify(answer.body)).not.toContain("at Object");
  }
});

test("unknown body fields and wrong types are 400 and say where", async () => {
  const { http } = stage;
  const bodies: unknown[] = [
    { nonsense: true },
    { template: 3 },
    { template: "python", limits: { memoryMb: "much" } },
    { template: "python", limits: { memory: 1 } },
    { workspace: { kind: "teapot" } },
    { env: { "1BAD": "x" } },
    { env: { A: "nul\0" } },
    [],
    "text",
    null,
  ];
  for (const body of bodies) {
    const answer = await http.request("POST", "/v1/sessions", body === null ? "null" : body, {
      "content-type": "application/json",
    });
    expect([JSON.stringify(body), answer.status]).toEqual([JSON.stringify(body), 400]);
    expect(answer.body).toMatchObject({ error: { code: "invalid_argument", requestId: expect.any(String) } });
  }
});

test("malformed, over-long, over-deep and ill-encoded bodies are refused", async () => {
  const { http } = stage;
  const json = { "content-type": "application/json" };
  const deep = `${"[".repeat(10_000)}${"]".repeat(10_000)}`;
  expect((await http.request("POST", "/v1/sessions", "{oops", json)).status).toBe(400);
  expect((await http.request("POST", "/v1/sessions", deep, json)).status).toBe(400);
  expect((await http.request("POST", "/v1/sessions", Buffer.from([0x22, 0xff, 0xfe, 0x22]), json)).status).toBe(400);
  expect((await http.request("POST", "/v1/sessions", '{"__proto__": {"x": 1}}', json)).status).toBe(400);
  const long = await http.request("POST", "/v1/sessions", `{"metadata": {"a": "${"x".repeat(40 << 20)}"}}`, json);
  expect(long).toMatchObject({ status: 413, body: { error: { code: "payload_too_large" } } });
});

test("no token, a wrong token and a token of too little right are refused; tenants do not see each other", async () => {
  const { box, http, server } = stage;
  expect((await fetch(`${server.url}/v1/sessions`)).status).toBe(401);
  const wrong = await new RawClient({ url: server.url, token: "gbx_wrong" }).get("/v1/sessions");
  expect(wrong).toMatchObject({ status: 401, body: { error: { code: "unauthenticated" } } });

  const viewer = await box.tokens.create({ name: "looks", roles: ["viewer"] });
  const looks = new RawClient({ url: server.url, token: viewer.secret });
  expect((await looks.get("/v1/sessions")).status).toBe(200);
  expect(await looks.post("/v1/sessions", { template: "bash" })).toMatchObject({
    status: 403,
    body: { error: { code: "permission_denied" } },
  });

  await using session = await box.sessions.create({ template: "bash" });
  const other = await box.tokens.create({ name: "other", roles: ["admin"], tenantId: "other" });
  const foreign = await Glovebox.connect({ url: server.url, token: other.secret });
  await expect(foreign.sessions.get(session.id)).rejects.toMatchObject({ code: "not_found" });
  expect((await foreign.sessions.list()).items).toEqual([]);
  const listed = JSON.stringify((await http.get("/v1/tokens")).body);
  expect(listed).not.toContain(viewer.secret);
});

test("the request id given is the request id returned", async () => {
  const answer = await stage.http.request("GET", "/v1/summary", undefined, { "x-request-id": "my-request-1" });
  expect(answer.headers.get("x-request-id")).toBe("my-request-1");
});

test("rubbish on the socket does not disturb the server", async () => {
  const { hostname, port } = new URL(stage.server.url);
  for (const rubbish of [
    "\0\0\0\0",
    "GET / HTTP/9.9\r\n\r\n",
    "POST /v1/sessions HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
  ]) {
    const socket = connect(Number(port), hostname);
    socket.on("error", () => {});
    socket.end(rubbish);
    socket.resume();
    await once(socket, "close");
  }
  expect((await stage.http.get("/v1/health")).status).toBe(200);
});

test("an isolation that this machine lacks is refused with the reason that doctor gives", async ({ skip }) => {
  const { isolations } = await stage.box.doctor();
  const missing = isolations.find(({ available }) => !available);
  if (!missing) return skip("every isolation works here");
  const answer = await stage.http.post("/v1/sessions", { isolation: missing.name });
  expect(answer.status).toBe(422);
  expect((answer.body as { error: { code: string } }).error.code).toBe("isolation_unavailable");
  expect((answer.body as { error: { message: string } }).error.message).toContain(String(missing.reason));
});

test("what is not yet there is refused with a reason, not accepted and ignored", async () => {
  const { http } = stage;
  const wishes = [
    { name: "net", isolation: "isolate", network: { mode: "open", allow: [] } },
    { name: "crates", isolation: "bubblewrap", packages: { apt: [], python: [], node: [], cargo: ["serde@1.0.219"] } },
    {
      name: "snap",
      isolation: "isolate",
      snapshots: { auto: "before_execution", rollbackOnFailure: true, keep: 3 },
    },
  ];
  for (const body of wishes) {
    const answer = await http.post("/v1/templates", body);
    expect([body.name, answer.status]).toEqual([body.name, 422]);
    expect((answer.body as { error: { message: string } }).error.message.length).toBeGreaterThan(15);
  }
});

test("a secret in a bad request is masked in the error that quotes it", async () => {
  const token = `ghp_${"a1B2c3D4e5F6".repeat(3)}`;
  const network = { mode: "allowlist", allow: [`https://user:${token}@example.org/`] };
  const answer = await stage.http.post("/v1/templates", { name: "quoted", isolation: "bubblewrap", network });
  expect(answer.status).toBe(400);
  expect(JSON.stringify(answer.body)).toContain("invalid_argument");
  expect(JSON.stringify(answer.body)).not.toContain(token);
});
