import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EgressDecision, type Logger, type NetworkSpec, silentLogger } from "../../core/index.ts";
import { type AuditRecord, verifyChain } from "../../governance/index.ts";
import { codeOf, json } from "./testing/answers.ts";
import { startTestServer, type TestServer } from "./testing/server.ts";

const VALUE = "an old brass key under the mat";

let server: TestServer;
let logged = "";
const asked: { network: NetworkSpec; method: string; url: string }[] = [];
const log = (fields: Record<string, unknown>, message: string) => {
  logged += `${inspect(fields, { depth: 10 })} ${message}\n`;
};
const logger: Logger = { ...silentLogger, info: log, warn: log, error: log, debug: log };

/** Stands where the proxy is: what it decides is tested with it. */
const egress = {
  explain: async (network: NetworkSpec, request: { method: string; url: string }): Promise<EgressDecision> => {
    asked.push({ network, ...request });
    return { allowed: false, code: "not_in_allow_list", reason: "no rule names it", host: "a.example", port: 443 };
  },
};

beforeAll(async () => {
  server = await startTestServer({ logger, egress });
});
afterAll(() => server[Symbol.asyncDispose]());

const set = (name: string, body: unknown, headers: Record<string, string> = {}) =>
  server.send("PUT", `/v1/secrets/${name}`, body, headers);
const good = { value: VALUE, hosts: ["api.example.com", "*.Example.org:8443"] };

async function audit(query: string): Promise<AuditRecord[]> {
  return (await json<{ items: AuditRecord[] }>(await server.request(`/v1/audit?${query}`))).items;
}

describe("secrets over HTTP", () => {
  it("are set, replaced, listed and deleted; no answer has their value", async () => {
    const answers: string[] = [];
    const made = await set("API_KEY", good);
    answers.push(await made.clone().text());
    expect(made.status).toBe(200);
    expect(await json(made)).toMatchObject({
      name: "API_KEY",
      hosts: ["api.example.com", "*.example.org:8443"],
      version: 1,
    });
    const again = await set("API_KEY", { ...good, hosts: ["b.example"] });
    answers.push(await again.clone().text());
    expect(await json(again)).toMatchObject({ hosts: ["b.example"], version: 2 });
    const listed = await server.request("/v1/secrets");
    answers.push(await listed.clone().text());
    expect(await json(listed)).toEqual({ items: [expect.objectContaining({ name: "API_KEY", version: 2 })] });
    const rotated = await server.send("POST", "/v1/secrets/rotate-key", {});
    expect(await json(rotated)).toMatchObject({ resealed: 1 });
    expect((await server.secrets.values("default"))[0]).toBe(VALUE);
    expect((await server.request("/v1/secrets/API_KEY", { method: "DELETE" })).status).toBe(204);
    expect(await codeOf(await server.request("/v1/secrets/API_KEY", { method: "DELETE" }))).toEqual([404, "not_found"]);
    expect(answers.join()).not.toContain(VALUE);
    expect(logged).not.toContain(VALUE);
  });

  it.each([
    ["1A", good],
    ["A%20B", good],
    ["A", { ...good, value: "short" }],
    ["A", { ...good, value: VALUE.repeat(3000) }],
    ["A", { ...good, hosts: [] }],
    ["A", { ...good, hosts: ["*"] }],
    ["A", { ...good, hosts: ["https://api.example.com"] }],
    ["A", { value: VALUE }],
    ["A", { ...good, extra: 1 }],
    ["A", [VALUE]],
    ["A", VALUE],
  ])("that are wrong are refused without being repeated (%#)", async (name, body) => {
    const answer = await set(name, body);
    const text = await answer.clone().text();
    expect(await codeOf(answer)).toEqual([400, "invalid_argument"]);
    expect(text).not.toContain(VALUE);
    expect(logged).not.toContain(VALUE);
  });

  it("belong to their tenant, and need the role", async () => {
    await set("MINE", good);
    const other = await server.token(["admin"], "umbrella");
    const bearer = { authorization: `Bearer ${other}` };
    expect(await json(await server.request("/v1/secrets", { headers: bearer }))).toEqual({ items: [] });
    expect((await server.request("/v1/secrets/MINE", { method: "DELETE", headers: bearer })).status).toBe(404);
    expect(await codeOf(await server.send("POST", "/v1/secrets/rotate-key", {}, bearer))).toEqual([
      403,
      "permission_denied",
    ]);
    const developer = { authorization: `Bearer ${await server.token(["developer"])}` };
    expect((await server.request("/v1/secrets", { headers: developer })).status).toBe(200);
    expect(await codeOf(await set("MINE", good, developer))).toEqual([403, "permission_denied"]);
    const viewer = { authorization: `Bearer ${await server.token(["viewer"])}` };
    expect((await server.request("/v1/secrets", { headers: viewer })).status).toBe(403);
    expect((await server.request("/v1/audit", { headers: developer })).status).toBe(403);
  });
});

describe("the audit log over HTTP", () => {
  it("has an entry for each change, with who, what, how it ended and in which request", async () => {
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    const made = await server.send("POST", "/v1/tokens", { name: "x" }, { "x-request-id": "made-1", traceparent });
    const { token } = await json<{ token: { id: string } }>(made);
    const who = await json<{ tokenId: string }>(await server.request("/v1/whoami"));
    expect(await audit("requestId=made-1")).toEqual([
      expect.objectContaining({
        principal: who.tokenId,
        action: "tokens.create",
        resource: { kind: "tokens", id: token.id },
        decision: "allow",
        reasons: ["role admin", "status 201"],
        traceId: "a".repeat(32),
        tenantId: "default",
      }),
    ]);
    await set("NAMED", good, { "x-request-id": "set-1" });
    expect(await audit("requestId=set-1")).toMatchObject([
      { action: "secrets.set", resource: { kind: "secrets", id: "NAMED" } },
    ]);
    await server.send("POST", "/v1/tokens", { nonsense: 1 }, { "x-request-id": "failed-1" });
    expect(await audit("requestId=failed-1")).toMatchObject([
      { decision: "allow", reasons: ["role admin", "status 400"] },
    ]);
    expect(JSON.stringify(await audit("limit=1000"))).not.toContain(VALUE);
  });

  it("has none for reading, but for secrets", async () => {
    for (const path of ["tokens", "audit", "summary", "secrets"]) {
      await server.request(`/v1/${path}`, { headers: { "x-request-id": `read-${path}` } });
    }
    const found = await Promise.all(
      ["tokens", "audit", "summary", "secrets"].map((path) => audit(`requestId=read-${path}`)),
    );
    expect(found.map((items) => items.map(({ action }) => action))).toEqual([[], [], [], ["secrets.list"]]);
  });

  it("has every refusal, with its reason, also of what only reads and of WebSockets", async () => {
    const viewer = { authorization: `Bearer ${await server.token(["viewer"])}` };
    await server.request("/v1/audit", { headers: { ...viewer, "x-request-id": "denied-1" } });
    const [denied] = await audit("requestId=denied-1");
    expect(denied).toMatchObject({ action: "audit.list", decision: "deny", resource: { kind: "audit" } });
    expect(denied?.reasons[0]).toContain("needs the role operator");
    const id = "019f0000-0000-7000-8000-000000000000";
    await server.request(`/v1/sessions/${id}/terminal`, { headers: { ...viewer, "x-request-id": "denied-2" } });
    expect(await audit("requestId=denied-2")).toMatchObject([
      { action: "sessions.terminal", decision: "deny", resource: { kind: "sessions", id } },
    ]);
    const developer = { authorization: `Bearer ${await server.token(["admin"])}` };
    const body = { name: "x", roles: ["viewer"], tenantId: "umbrella" };
    await server.send("POST", "/v1/tokens", body, { ...developer, "x-request-id": "denied-3" });
    expect(await audit("requestId=denied-3")).toMatchObject([{ action: "tokens.create", decision: "deny" }]);
  });

  it("has failed authentications, without what was tried, and no more of them than an address may make", async () => {
    const tried = "gbx_somebody-guesses-a-token-here";
    for (const [authorization, requestId] of [
      [`Bearer ${tried}`, "auth-1"],
      ["", "auth-2"],
    ] as const) {
      await server.request("/v1/tokens", { headers: { authorization, "x-request-id": requestId } });
    }
    const found = [...(await audit("requestId=auth-1")), ...(await audit("requestId=auth-2"))];
    expect(found).toMatchObject([
      { principal: "anonymous", action: "authentication", decision: "deny", reasons: ["unknown", "tokens.list"] },
      { principal: "anonymous", reasons: ["missing", "tokens.list"] },
    ]);
    expect(found[0]?.resource).toEqual({ kind: "address", id: "127.0.0.1" });
    expect(JSON.stringify(await audit("limit=1000"))).not.toContain("guesses");

    let left = 1;
    await using strict = await startTestServer({
      guards: { authenticationFailures: { take: () => (left-- > 0 ? 0 : 1000) } },
    });
    for (let at = 0; at < 3; at += 1)
      await strict.request("/v1/tokens", { headers: { authorization: "Bearer wrong-wrong-wrong" } });
    expect((await strict.audit.list("default", { action: "authentication" })).items).toHaveLength(1);
  });

  it("is filtered, paged, verified, and exported as lines that verify by themselves", async () => {
    const page = await json<{ items: AuditRecord[]; nextCursor: string }>(await server.request("/v1/audit?limit=2"));
    const next = await json<{ items: AuditRecord[] }>(
      await server.request(`/v1/audit?limit=2&cursor=${page.nextCursor}`),
    );
    expect(next.items[0]?.seq).toBe((page.items[1]?.seq ?? 0) - 1);
    expect(
      (await audit("action=secrets.set&decision=allow&limit=1000")).every(({ action }) => action === "secrets.set"),
    ).toBe(true);
    expect(await audit("until=2020-01-01T00:00:00Z")).toEqual([]);
    for (const bad of ["since=yesterday", "limit=0", "decision=maybe", "cursor=x", "unknown=1"]) {
      expect(await codeOf(await server.request(`/v1/audit?${bad}`))).toEqual([400, "invalid_argument"]);
    }
    const verified = await json<{ ok: boolean; entries: number }>(await server.request("/v1/audit/verify"));
    expect(verified.ok).toBe(true);
    const exported = await server.request("/v1/audit/export");
    expect(exported.headers.get("content-type")).toContain("application/x-ndjson");
    const records = (await exported.text())
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as AuditRecord);
    const check = (async function* () {
      yield* records;
    })();
    expect(await verifyChain(check)).toMatchObject({ ok: true, entries: records.length });
    expect(records.length).toBeGreaterThanOrEqual(verified.entries);
    const after = await (await server.request(`/v1/audit/export?afterSeq=${records.length - 1}`)).text();
    expect(JSON.parse(after.split("\n")[0] ?? "")).toMatchObject({ seq: records.length });
  });

  it("is its tenant's alone", async () => {
    const bearer = { authorization: `Bearer ${await server.token(["admin"], "globex")}` };
    expect(await json(await server.request("/v1/audit", { headers: bearer }))).toEqual({ items: [] });
    expect(await json(await server.request("/v1/audit/verify", { headers: bearer }))).toEqual({ ok: true, entries: 0 });
    await server.send("PUT", "/v1/secrets/THEIRS", good, bearer);
    const { items } = await json<{ items: AuditRecord[] }>(await server.request("/v1/audit", { headers: bearer }));
    expect(items.map(({ seq, action, tenantId }) => [seq, action, tenantId])).toEqual([[1, "secrets.set", "globex"]]);
  });
});

describe("the egress question over HTTP", () => {
  it("passes a network on, with its defaults, and answers what would be decided", async () => {
    const network = { mode: "allowlist", allow: ["a.example"] };
    const answer = await server.send("POST", "/v1/egress/test", {
      network,
      url: "https://a.example/x?y=1#z",
      method: "PUT",
    });
    expect(await json(answer)).toMatchObject({ allowed: false, code: "not_in_allow_list", port: 443 });
    expect(asked.at(-1)).toEqual({
      network: { ...network, exempt: [], limits: { connections: 64, bytes: 1_073_741_824, seconds: 3_600 } },
      method: "PUT",
      url: "https://a.example/x?y=1#z",
    });
  });

  it.each([
    { url: "https://a.example" },
    { template: "x", network: { mode: "open" }, url: "https://a.example" },
    { network: { mode: "open" }, url: "ftp://a.example" },
    { network: { mode: "open" }, url: "https://user:pass@a.example" },
    { network: { mode: "open" }, url: "nonsense" },
    { network: { mode: "open" }, url: "https://a.example", method: "get it" },
    { network: { mode: "some" }, url: "https://a.example" },
  ])("refuses %j", async (body) => {
    expect(await codeOf(await server.send("POST", "/v1/egress/test", body))).toEqual([400, "invalid_argument"]);
  });
});
