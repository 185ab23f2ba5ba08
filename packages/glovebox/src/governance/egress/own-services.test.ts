import { afterAll, beforeAll, expect, it } from "vitest";
import type { SandboxService } from "../../core/index.ts";
import { egressCode, readAll, talk } from "./testing/talk.ts";
import { createWorld, type World } from "./testing/world.ts";

const HOST = "things.glovebox.internal";
const service = (word: string): SandboxService => ({
  host: HOST,
  serve: (request, response, path) => {
    let body = "";
    request.on("data", (part: Buffer) => {
      body += part.toString();
    });
    request.on("end", () => response.end(`${word} ${request.method} ${path} ${body}`));
  },
});
const post = (url: string) =>
  `POST ${url} HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc`;

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

it("answers at the proxy, behind CONNECT and where a connection was redirected, in every mode and without a decision", async () => {
  for (const mode of ["none", "allowlist", "open"] as const) {
    const { gate, connect, decisions } = await world.open({ mode });
    gate.offer(service("old"));
    gate.offer(service("new"));
    const proxied = await talk(await connect(), post(`http://${HOST}/a?b=%20`));
    expect(proxied).toContain("new POST /a?b=%20 abc");
    const redirected = await talk(await connect({ host: HOST, port: 80 }), post("/a/b"));
    expect(redirected).toContain("new POST /a/b abc");
    const tunnel = await connect();
    tunnel.write(`CONNECT ${HOST}:80 HTTP/1.1\r\nHost: ${HOST}:80\r\n\r\n`);
    await new Promise((resolve) => tunnel.once("data", resolve));
    expect(await talk(tunnel, post("/c"))).toContain("new POST /c abc");
    expect(decisions).toEqual([]);
  }
});

it("is the session's own: other gates and other ways do not reach it, and its names are never looked up", async () => {
  const one = await world.open({ mode: "open" });
  one.gate.offer(service("one"));
  const other = await world.open({ mode: "open" });
  const asked = world.dns.asked.length;
  expect(egressCode(await talk(await other.connect(), post(`http://${HOST}/`)))).toBe("service_unavailable");
  const elsewhere = `GET http://else.glovebox.internal/ HTTP/1.1\r\nHost: else.glovebox.internal\r\n\r\n`;
  expect(egressCode(await talk(await one.connect(), elsewhere))).toBe("service_unavailable");
  const port = `GET http://${HOST}:81/ HTTP/1.1\r\nHost: ${HOST}:81\r\n\r\n`;
  expect(egressCode(await talk(await one.connect(), port))).toBe("service_unavailable");
  const upgrade = `GET http://${HOST}/ HTTP/1.1\r\nHost: ${HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
  expect(egressCode(await talk(await one.connect(), upgrade))).toBe("service_unavailable");
  // Neither TLS nor HTTP gets anywhere, not even to a name server.
  const raw = await one.connect({ host: HOST, port: 80 });
  raw.write("\u0016\u0003\u0001\u0000\u0010 no hello at all");
  expect(await readAll(raw)).toBe("");
  const redirected = await one.connect({ host: HOST, port: 5432 });
  redirected.write("SSH-2.0-x\r\n");
  expect(await readAll(redirected)).toBe("");
  expect(world.dns.asked.length).toBe(asked);
  one.gate.close();
  expect(() => one.gate.offer({ ...service("x"), host: "example.org" })).toThrowError("no name of the server's");
});
