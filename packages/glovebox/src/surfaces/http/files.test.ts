import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, json, readFrames } from "./testing/answers.ts";
import { startTestServer, type TestServer } from "./testing/server.ts";
import { realServices } from "./testing/services.ts";

let server: TestServer;
let session: string;
beforeAll(async () => {
  server = await startTestServer({ services: realServices });
  session = (await json<{ id: string }>(await server.send("POST", "/v1/sessions", { template: "python" }))).id;
});
afterAll(async () => await server[Symbol.asyncDispose]());

describe("files over HTTP", () => {
  const files = () => `/v1/sessions/${session}/files`;
  const put = (path: string, body: string, query = "") =>
    server.request(`${files()}/content?path=${encodeURIComponent(path)}${query}`, {
      method: "PUT",
      body,
      headers: { "content-type": "application/json" },
    });

  it("lists no more of long names than the server can hold", { timeout: 30_000 }, async () => {
    // Every path 40 KB long: what a hundred thousand of them take would not fit into the server.
    const code = `import os
home = os.getcwd()
os.mkdir("long"); os.chdir("long")
for _ in range(160): os.mkdir("d" * 250); os.chdir("d" * 250)
for i in range(1000): open(f"{i:04}", "w").close()
os.chdir(home)`;
    const ran = await server.send("POST", `/v1/sessions/${session}/executions`, {
      kind: "command",
      argv: ["/usr/bin/python3", "-c", code],
      wait: true,
    });
    expect(await json(ran)).toMatchObject({ execution: { status: "ok" } });
    const query = "path=long&recursive=true&limit=100000";
    const { items, truncated } = await json<{ items: { path: string }[]; truncated: boolean }>(
      await server.request(`${files()}?${query}`),
    );
    expect(truncated).toBe(true);
    const characters = items.reduce((sum, { path }) => sum + path.length, 0);
    expect(characters).toBeGreaterThan(10 << 20);
    expect(characters).toBeLessThanOrEqual(16 << 20);
    expect((await server.request(`${files()}?path=long&recursive=true`, { method: "DELETE" })).status).toBe(204);
  });

  it("writes, reads in part and in whole, lists, renames and removes", async () => {
    expect(await json(await put("dir/a.txt", "hello world", "&parents=true&mode=384"))).toEqual({
      path: "dir/a.txt",
      size: 11,
    });
    expect((await put("dir/a.txt", "!", "&append=true")).status).toBe(200);
    const read = (query = "", headers = {}) => server.request(`${files()}/content?path=dir/a.txt${query}`, { headers });
    expect(await (await read()).text()).toBe("hello world!");
    expect(await (await read("&offset=6&limit=5")).text()).toBe("world");
    const range = await read("", { range: "bytes=6-" });
    expect([range.status, range.headers.get("content-range"), await range.text()]).toEqual([
      206,
      "bytes 6-11/12",
      "world!",
    ]);
    expect(await codeOf(await read("", { range: "bytes=50-" }))).toEqual([400, "invalid_argument"]);
    const head = await server.request(`${files()}/content?path=dir/a.txt`, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "12"]);
    expect(await json(await server.request(`${files()}/stat?path=dir/a.txt`))).toMatchObject({
      kind: "file",
      size: 12,
      mode: 0o600,
    });
    expect((await server.send("POST", `${files()}/mkdir`, { path: "dir/x/y", parents: true })).status).toBe(204);
    expect((await server.send("POST", `${files()}/rename`, { from: "dir/a.txt", to: "dir/b.txt" })).status).toBe(204);
    const list = await json<{ items: { path: string }[]; truncated: boolean }>(
      await server.request(`${files()}?path=dir&recursive=true`),
    );
    expect(list.items.map(({ path }) => path).sort()).toEqual(["b.txt", "x", "x/y"]);
    expect(await json(await server.request(`${files()}?path=dir&recursive=true&limit=1`))).toMatchObject({
      items: [{}],
      truncated: true,
    });
    expect((await server.request(`${files()}?path=dir&recursive=true`, { method: "DELETE" })).status).toBe(204);
    expect(await codeOf(await server.request(`${files()}/content?path=dir/b.txt`))).toEqual([404, "not_found"]);
    expect((await put("empty", "")).status).toBe(200);
    expect(await (await server.request(`${files()}/content?path=empty`)).text()).toBe("");
  });

  it("answers errors of a failed upload instead of cutting the connection", async () => {
    // Several times, since input under way and the end of what reads it cross each other in every possible order.
    for (let round = 0; round < 8; round += 1) {
      expect(await codeOf(await put("no/such/folder/f", "x".repeat(1 << 20)))).toEqual([404, "not_found"]);
    }
    expect(await codeOf(await put("a\0b", "x"))).toEqual([400, "invalid_argument"]);
    await using small = await startTestServer({ services: realServices, settings: { uploadBytes: 1000 } });
    const { id } = await json<{ id: string }>(await small.send("POST", "/v1/sessions", { template: "bash" }));
    const path = `/v1/sessions/${id}/files/content?path=f`;
    expect(await codeOf(await small.request(path, { method: "PUT", body: "x".repeat(1001) }))).toEqual([
      413,
      "payload_too_large",
    ]);
    async function* pieces() {
      for (let count = 0; count < 4; count += 1) yield new Uint8Array(600);
    }
    const chunked = ReadableStream.from(pieces());
    const init = { method: "PUT", body: chunked, duplex: "half" } as RequestInit;
    expect(await codeOf(await small.request(path, init))).toEqual([413, "payload_too_large"]);
  });

  it("streams large files both ways in bounded memory", async () => {
    const chunk = Buffer.alloc(1 << 20, "glovebox");
    const total = 160;
    let sent = 0;
    const up = new ReadableStream({
      pull(controller) {
        if (sent++ < total) controller.enqueue(chunk);
        else controller.close();
      },
    });
    const before = process.memoryUsage.rss();
    const init = { method: "PUT", body: up, duplex: "half" } as RequestInit;
    expect(await json(await server.request(`${files()}/content?path=big`, init))).toEqual({
      path: "big",
      size: total << 20,
    });
    const expected = createHash("sha256");
    for (let i = 0; i < total; i += 1) expected.update(chunk);
    const actual = createHash("sha256");
    const down = await server.request(`${files()}/content?path=big`);
    for await (const piece of down.body as unknown as AsyncIterable<Uint8Array>) actual.update(piece);
    expect(actual.digest("hex")).toBe(expected.digest("hex"));
    // Client and server share this process; neither may have held the file.
    expect(process.memoryUsage.rss() - before).toBeLessThan(120 << 20);
    await server.request(`${files()}?path=big`, { method: "DELETE" });
  });

  it("downloads a tree as a tar and unpacks it elsewhere", async () => {
    await put("tree/one.txt", "1", "&parents=true");
    await put("tree/sub/two.txt", "2", "&parents=true");
    const tar = await server.request(`${files()}/archive?path=tree`);
    expect(tar.headers.get("content-type")).toBe("application/x-tar");
    const bytes = Buffer.from(await tar.arrayBuffer());
    expect((await server.send("POST", `${files()}/mkdir`, { path: "copy" })).status).toBe(204);
    const unpacked = await server.request(`${files()}/archive?path=copy`, { method: "PUT", body: bytes });
    expect(await json(unpacked)).toMatchObject({ files: expect.any(Number) });
    const list = await json<{ items: { path: string }[] }>(await server.request(`${files()}?path=copy&recursive=true`));
    expect(list.items.map(({ path }) => path).filter((path) => path.endsWith("two.txt"))).toHaveLength(1);
    const broken = await server.request(`${files()}/archive?path=copy`, {
      method: "PUT",
      body: "this is no tar".repeat(100),
    });
    expect(broken.status).toBeGreaterThanOrEqual(400);
    expect(broken.status).toBeLessThan(500);
    expect(await codeOf(await server.request(`${files()}/archive?path=none`))).toEqual([404, "not_found"]);
  });

  it("watches for changes", async () => {
    const seen = readFrames(server, `${files()}/watch?path=.`, {}, (all) =>
      all.some(({ data }) => data.path === "watched" || data.path === "./watched"),
    );
    const poke = setInterval(() => void put("watched", String(Math.random())), 100);
    try {
      expect((await seen).frames.length).toBeGreaterThan(0);
    } finally {
      clearInterval(poke);
    }
    expect(
      await codeOf(await server.request(`${files()}/watch?path=none`, { headers: { accept: "text/event-stream" } })),
    ).toEqual([404, "not_found"]);
  });
});
