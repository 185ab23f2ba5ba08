import { expect, test } from "vitest";
import { GloveboxError } from "./errors.ts";
import { Glovebox } from "./glovebox.ts";
import { failure, hangUp, json, scriptedServer } from "./testing/scripted-server.ts";

const fast = { baseMs: 1, maxMs: 50 };
const session = { id: "s-1", status: "ready", languages: ["python"] };

test("a read is sent again after a broken connection and after 503, a bounded number of times", async () => {
  await using server = await scriptedServer(hangUp, failure(503, "unavailable"), json(200, { status: "ok" }));
  const box = new Glovebox({ url: server.url, retry: fast });
  expect(await box.health()).toEqual({ status: "ok" });
  expect(server.seen).toHaveLength(3);

  await using dead = await scriptedServer(hangUp, hangUp, hangUp, hangUp, hangUp);
  const error = await new Glovebox({ url: dead.url, retry: fast }).health().catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: "unavailable", message: expect.stringContaining(dead.url) });
  expect(dead.seen).toHaveLength(4);
});

test("a create is sent again with the same idempotency key", async () => {
  await using server = await scriptedServer(hangUp, json(201, session));
  const box = new Glovebox({ url: server.url, retry: fast });
  expect((await box.sessions.create({ template: "python" })).id).toBe("s-1");
  const [first, second] = server.seen.map(({ headers }) => headers["idempotency-key"]);
  expect(first).toMatch(/^[0-9a-f]{32}$/);
  expect(second).toBe(first);
});

test("two creates have two keys, and the caller's own key is used", async () => {
  await using server = await scriptedServer(json(201, session), json(201, session), json(201, session));
  const box = new Glovebox({ url: server.url });
  await box.sessions.create();
  await box.sessions.create();
  await box.sessions.create({}, { idempotencyKey: "mine" });
  const keys = server.seen.map(({ headers }) => headers["idempotency-key"]);
  expect(new Set(keys).size).toBe(3);
  expect(keys[2]).toBe("mine");
});

test("what must not happen twice is not sent again", async () => {
  await using server = await scriptedServer(hangUp, hangUp, failure(503, "unavailable"));
  const box = new Glovebox({ url: server.url, retry: fast });
  await expect(box.tokens.create({ name: "x" })).rejects.toMatchObject({ code: "unavailable" });
  await expect(box.executions.stdin("e-1", "text")).rejects.toMatchObject({ code: "unavailable" });
  await expect(box.templates.update("t", {})).rejects.toMatchObject({ code: "unavailable" });
  expect(server.seen).toHaveLength(3);
});

test("429 is waited out as the server asks, even for what must not happen twice, unless it asks for too much", async () => {
  await using server = await scriptedServer(
    failure(429, "rate_limited", { retryAfterMs: 5 }),
    json(201, { token: {}, secret: "s" }),
    failure(429, "resource_exhausted", { retryAfterMs: 60_000 }),
    failure(429, "budget_exceeded"),
  );
  const box = new Glovebox({ url: server.url, retry: fast });
  await box.tokens.create({ name: "x" });
  await expect(box.sessions.create()).rejects.toMatchObject({ code: "resource_exhausted", retryAfterMs: 60_000 });
  await expect(box.sessions.create()).rejects.toMatchObject({ code: "budget_exceeded" });
  expect(server.seen).toHaveLength(4);
});

test("an error carries its code, status, request id and details", async () => {
  await using server = await scriptedServer(failure(404, "not_found", { kind: "session" }));
  const error = await new Glovebox({ url: server.url }).sessions.get("s-9").catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(GloveboxError);
  expect(error).toMatchObject({
    code: "not_found",
    status: 404,
    requestId: "req-1",
    details: { kind: "session" },
    message: "it is not_found",
  });
});

test.each([
  [502, "unavailable"],
  [404, "not_found"],
  [418, "invalid_argument"],
  [500, "internal"],
])("an answer %i that is not ours, as a proxy gives, becomes %s", async (status, code) => {
  await using server = await scriptedServer((response) => {
    response.writeHead(status, { "content-type": "text/html" });
    response.end("<h1>no</h1>");
  });
  const box = new Glovebox({ url: server.url, retry: { attempts: 1 } });
  await expect(box.summary()).rejects.toMatchObject({ code, status });
});

test("an abort ends a call and a pause between attempts with the signal's own reason", async () => {
  const reason = new Error("enough");
  const [inCall, inPause] = [new AbortController(), new AbortController()];
  await using server = await scriptedServer(
    () => inCall.abort(reason),
    async (response, request) => {
      await failure(503, "unavailable")(response, request);
      setTimeout(() => inPause.abort(reason), 50);
    },
  );
  const box = new Glovebox({ url: server.url, retry: { baseMs: 60_000, maxMs: 60_000 } });
  await expect(box.health({ signal: inCall.signal })).rejects.toBe(reason);
  await expect(box.health({ signal: inPause.signal })).rejects.toBe(reason);
  await expect(box.health({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  expect(server.seen).toHaveLength(2);
});

test("the token goes with every request, and a redirect that would carry it elsewhere is refused", async () => {
  await using other = await scriptedServer(json(200, {}));
  await using server = await scriptedServer(json(200, {}), (response) => {
    response.writeHead(307, { location: other.url }).end();
  });
  const box = new Glovebox({ url: `${server.url}/`, token: "secret", retry: { attempts: 1 } });
  await box.whoami();
  expect(server.seen[0]?.headers.authorization).toBe("Bearer secret");
  await expect(box.whoami()).rejects.toMatchObject({ code: "unavailable" });
  expect(other.seen).toHaveLength(0);
});

test.each(["", ".", ".."])("the id %j, which a URL would swallow, reaches no other resource", async (id) => {
  await using server = await scriptedServer();
  const box = new Glovebox({ url: server.url });
  await expect(box.templates.delete(id)).rejects.toMatchObject({ code: "invalid_argument" });
  await expect(box.sessions.info(id)).rejects.toMatchObject({ code: "invalid_argument" });
  expect(server.seen).toHaveLength(0);
});

test("ids and queries are encoded", async () => {
  await using server = await scriptedServer(json(200, {}), json(200, { items: [] }));
  const box = new Glovebox({ url: server.url });
  await box.templates.get("a/b?c#d");
  await box.sessions.list({ status: ["ready", "paused"], metadata: { "a b": "c=d" }, key: "k&l" });
  expect(server.seen.map(({ url }) => url)).toEqual([
    "/v1/templates/a%2Fb%3Fc%23d",
    "/v1/sessions?status=ready&status=paused&metadata=a+b%3Dc%3Dd&key=k%26l",
  ]);
});

test.each(["not a url", "ftp://x", "http://user:pw@127.0.0.1"])("the address %j is refused", (url) => {
  expect(() => new Glovebox({ url })).toThrow(GloveboxError);
});

test("the environment gives the address and the token that are not passed", async () => {
  await using server = await scriptedServer(json(200, { status: "ok" }));
  process.env.GLOVEBOX_URL = server.url;
  process.env.GLOVEBOX_TOKEN = "from-env";
  try {
    await Glovebox.connect();
  } finally {
    delete process.env.GLOVEBOX_URL;
    delete process.env.GLOVEBOX_TOKEN;
  }
  expect(server.seen[0]).toMatchObject({ url: "/v1/health", headers: { authorization: "Bearer from-env" } });
});

test("lists are read page after page", async () => {
  await using server = await scriptedServer(
    json(200, { items: [{ id: "a" }], nextCursor: "c1" }),
    json(200, { items: [{ id: "b" }] }),
  );
  const found: string[] = [];
  for await (const { id } of new Glovebox({ url: server.url }).executions.listAll({ status: "ok" })) found.push(id);
  expect(found).toEqual(["a", "b"]);
  expect(server.seen[1]?.url).toBe("/v1/executions?status=ok&cursor=c1");
});

test("an answer that breaks off inside its JSON is read again", async () => {
  await using server = await scriptedServer(
    (response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write('{"status":');
      setTimeout(() => response.socket?.destroy(), 5);
    },
    json(200, { status: "ok" }),
  );
  expect(await new Glovebox({ url: server.url, retry: fast }).health()).toEqual({ status: "ok" });
});
