import Fastify, { type FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inProcessFetch } from "./in-process-fetch.ts";

let app: FastifyInstance;
let ended = Promise.withResolvers<void>();

beforeAll(async () => {
  app = Fastify();
  app.all("/echo", async ({ method, headers, body, ip, query }, reply) => {
    reply.header("x-seen", "yes").code(method === "DELETE" ? 204 : 201);
    return method === "DELETE" ? undefined : { method, headers, body, ip, query };
  });
  app.get("/endless", (_request, reply) => {
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, { "content-type": "text/event-stream" });
    const timer = setInterval(() => raw.write(": here\n\n"), 5);
    raw.once("close", () => {
      clearInterval(timer);
      ended.resolve();
    });
  });
  app.get("/never", () => new Promise(() => undefined));
  await app.ready();
});
afterAll(() => app.close());

const caller = { headers: { authorization: "Bearer caller", host: "localhost:1" }, remoteAddress: "127.0.0.9" };
const send = (path: string, init: RequestInit = {}, as: Parameters<typeof inProcessFetch>[1] = caller) =>
  inProcessFetch(app, as)(`http://in-process.invalid${path}`, init);

test("a request arrives as it was sent, in the caller's name", async () => {
  const headers = { "content-type": "application/json", accept: "application/json" };
  const response = await send("/echo?a=1&b=%26", { method: "POST", body: '{"x":1}', headers });
  expect([response.status, response.headers.get("x-seen")]).toEqual([201, "yes"]);
  expect(await response.json()).toMatchObject({
    ...{ method: "POST", body: { x: 1 }, query: { a: "1", b: "&" }, ip: "127.0.0.9" },
    headers: { ...headers, ...caller.headers },
  });
  const empty = await send("/echo", { method: "DELETE" });
  expect([empty.status, empty.body]).toEqual([204, null]);
});

test("credentials that are not the caller's do not pass", async () => {
  const headers = { authorization: "Bearer ours", "X-API-Key": "ours" };
  const own = (await (await send("/echo", { headers })).json()) as { headers: object };
  expect(own.headers).toMatchObject({ authorization: "Bearer caller" });
  expect(JSON.stringify(own)).not.toContain("ours");
  const anonymous = await (await send("/echo", { headers }, { headers: {}, remoteAddress: "127.0.0.1" })).text();
  expect(anonymous).not.toContain("ours");
});

test.each(["abort", "cancel"])("whoever streams sees it when the reader leaves: %s", async (how) => {
  ended = Promise.withResolvers();
  const stop = new AbortController();
  const response = await send("/endless", { signal: stop.signal });
  const reader = response.body?.getReader();
  expect(new TextDecoder().decode((await reader?.read())?.value)).toContain(": here");
  if (how === "abort") stop.abort();
  else await reader?.cancel();
  await ended.promise;
  if (how === "abort") await expect(reader?.read()).rejects.toThrow();
});

test("an abort before the answer rejects with its reason", async () => {
  const reason = new Error("enough");
  const stop = new AbortController();
  const waiting = send("/never", { signal: stop.signal });
  stop.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  await expect(send("/echo", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});
