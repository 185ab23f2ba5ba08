import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OriginServer } from "./testing/origin-servers.ts";
import { egressCode, readAll, startTls, talk, tunnel } from "./testing/talk.ts";
import { createWorld, type TestGate, type World } from "./testing/world.ts";

let world: World;
let origin: OriginServer;
beforeAll(async () => {
  world = await createWorld();
  origin = await world.origin("127.0.0.2");
  world.dns.set("ok.test", ["127.0.0.2"]);
});
afterAll(() => world[Symbol.asyncDispose]());

const allow = () => [`ok.test:${origin.port}`];
const get = (path = "/") => `GET http://ok.test:${origin.port}${path} HTTP/1.1\r\nHost: ok.test:${origin.port}\r\n\r\n`;
const codes = (gate: TestGate) => gate.decisions.filter(({ allowed }) => !allowed).map(({ code }) => code);
const limits = { connections: 64, bytes: 1_000_000, seconds: 3600 };

describe("a gate", () => {
  it("takes so many connections at once, and another when one has ended", async () => {
    const gate = await world.open({ mode: "allowlist", allow: allow(), limits: { ...limits, connections: 2 } });
    const [one] = [await gate.connect(), await gate.connect()];
    expect(egressCode(await readAll(await gate.connect()))).toBe("too_many_connections");
    one?.destroy();
    await expect.poll(async () => talk(await gate.connect(), get())).toContain("hello");
  });

  it("carries so many bytes and then no more, on any connection", async () => {
    const gate = await world.open({ mode: "allowlist", allow: allow(), limits: { ...limits, bytes: 100_000 } });
    origin.answer = (_request, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(10_000))) {}
      };
      response.on("drain", more).on("error", () => {});
      more();
    };
    const endless = await talk(await gate.connect(), get());
    expect(endless.length).toBeLessThanOrEqual(100_000);
    expect(endless.length).toBeGreaterThan(1_000);
    expect(codes(gate)).toEqual(["bytes_exhausted"]);
    origin.answer = (_request, response) => void response.end("hello");
    expect(egressCode(await readAll(await gate.connect()))).toBe("bytes_exhausted");
  });

  it("ends a connection when its time is over", async () => {
    const gate = await world.open({ mode: "allowlist", allow: allow(), limits: { ...limits, seconds: 1 } });
    origin.answer = (_request, response) => {
      const timer = setInterval(() => response.write("x"), 50);
      response.once("close", () => clearInterval(timer)).on("error", () => {});
    };
    const socket = await gate.connect();
    socket.write(get());
    await readAll(socket);
    expect(codes(gate)).toEqual(["time_exhausted"]);
    origin.answer = (_request, response) => void response.end("hello");
  });

  it("ends a connection on which nothing moves", async () => {
    const gate = await world.open({ mode: "allowlist", allow: allow() }, { timings: { silenceMs: 200 } });
    await readAll(await gate.connect());
    expect(codes(gate)).toEqual(["silence"]);
  });

  it("ends a connection whose request comes too slowly", async () => {
    const gate = await world.open({ mode: "allowlist", allow: allow() }, { timings: { headMs: 200 } });
    const socket = await gate.connect();
    const timer = setInterval(() => socket.write("X: y\r\n"), 20);
    const answer = talk(socket, `GET http://ok.test:${origin.port}/ HTTP/1.1\r\n`);
    expect(egressCode(await answer)).toBe("slow_request");
    clearInterval(timer);
  });

  it("ends a tunnel whose client sends no TLS", async () => {
    const gate = await world.open({ mode: "open" }, { timings: { headMs: 200 } });
    const socket = await gate.connect({ host: "ok.test", port: 443 });
    await readAll(socket);
    expect(codes(gate)).toEqual([expect.stringMatching(/^(slow_request|not_tls|connect_failed)$/)]);
  });

  it("answers 504 for a host that does not answer, 502 for one that breaks off or is not there", async () => {
    const gate = await world.open(
      { mode: "allowlist", allow: [...allow(), "ok.test:1"] },
      { timings: { silenceMs: 1_500 } },
    );
    origin.answer = () => {};
    const silent = talk(await gate.connect(), get());
    expect(await silent).toMatch(/^HTTP\/1.1 504[\s\S]*upstream_timeout/);
    origin.answer = (request) => void request.socket.destroy();
    expect(await talk(await gate.connect(), get())).toMatch(/^HTTP\/1.1 502[\s\S]*upstream_failed/);
    const nobody = "GET http://ok.test:1/ HTTP/1.1\r\nHost: ok.test:1\r\n\r\n";
    expect(await talk(await gate.connect(), nobody)).toMatch(/^HTTP\/1.1 502[\s\S]*connect_failed/);
    origin.answer = (_request, response) => void response.end("hello");
  });

  it("frees the upstream connection when the client dies", async () => {
    const gate = await world.open({ mode: "allowlist", allow: allow() });
    const asked = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    origin.answer = (_request, response) => {
      response.write("begun");
      response.once("close", ended.resolve);
      asked.resolve();
    };
    const socket = await gate.connect();
    socket.write(get());
    await asked.promise;
    socket.destroy();
    await ended.promise;
    origin.answer = (_request, response) => void response.end("hello");
  });

  it("ends everything when it is closed, and takes nothing more", async () => {
    const gate = await world.open({ mode: "allowlist", allow: allow() });
    const sockets = [await gate.connect(), await gate.connect()];
    expect(await talk(sockets[0]!, get())).toContain("hello");
    gate.gate.close();
    gate.gate.close();
    await Promise.all(sockets.map((socket) => readAll(socket)));
    expect(await readAll(await gate.connect())).toBe("");
  });

  it("of a template without a network refuses all", async () => {
    const gate = await world.open({ mode: "none" });
    expect(egressCode(await talk(await gate.connect(), get()))).toBe("network_off");
    expect(gate.gate.authority).toBeUndefined();
  });
});

describe("TLS upstream", () => {
  it.each([
    ["of an authority that nobody trusts", { trusted: false }, undefined],
    ["with a certificate for another name", {}, "other.test"],
  ])("%s is refused", async (_name, options, certificateFor) => {
    const server = await world.origin("127.0.0.2", {
      tls: world.authority,
      ...(certificateFor === undefined ? {} : { certificateFor }),
    });
    const gate = await world.open({ mode: "allowlist", allow: [`GET https://ok.test:${server.port}/*`] }, options);
    const socket = await gate.connect();
    await tunnel(socket, `ok.test:${server.port}`);
    const tls = await startTls(socket, { servername: "ok.test", ca: gate.gate.authority ?? "" });
    const answer = await talk(tls, `GET / HTTP/1.1\r\nHost: ok.test:${server.port}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 502/);
    expect(egressCode(answer)).toBe("upstream_tls");
    expect(server.seen).toEqual([]);
  });

  it("to a client that breaks the handshake off ends with the reason", async () => {
    const gate = await world.open({ mode: "allowlist", allow: [`GET https://ok.test:${origin.port}/*`] });
    const socket = await gate.connect();
    await tunnel(socket, `ok.test:${origin.port}`);
    await expect(startTls(socket, { servername: "ok.test", ALPNProtocols: ["spdy/1"] })).rejects.toThrow();
    await expect.poll(() => codes(gate)).toEqual(["client_tls"]);
  });
});

describe("a server that speaks first", () => {
  let server: Server;
  beforeAll(async () => {
    server = createServer((socket) => {
      socket.on("error", () => {});
      socket.write("220 ready\n");
      socket.on("data", (chunk) => socket.end(`got ${chunk}`));
    });
    server.listen(0, "127.0.0.2");
    await once(server, "listening");
  });
  afterAll(() => void server.close());
  const port = () => (server.address() as AddressInfo).port;

  it.each(["CONNECT", "redirected"])("is reached by %s where a rule names the port", async (way) => {
    const gate = await world.open({ mode: "allowlist", allow: [`ok.test:${port()}`] });
    const socket = await gate.connect(way === "CONNECT" ? undefined : { host: "ok.test", port: port() });
    if (way === "CONNECT") {
      const greeting = readAll(socket, (text) => text.includes("220 ready"));
      socket.write(`CONNECT ok.test:${port()} HTTP/1.1\r\nHost: ok.test:${port()}\r\n\r\n`);
      await greeting;
    } else {
      await readAll(socket, (text) => text.includes("220 ready"));
    }
    const rest = readAll(socket);
    socket.end("HELO");
    expect(await rest).toBe("got HELO");
  });
});

describe("a host that answers nonsense", () => {
  it.each([
    "HTTP/1.1 000 x",
    "HTTP/1.1 099 x",
    "HTTP/1.1 999 x",
    "HTTP/1.1 101 x",
    "HTTP/9 200",
    "hello",
    "HTTP/1.1 200 OK\r\nX: a\0b",
  ])("(%j) is answered for with 502", async (text) => {
    const server = createServer((socket) => {
      socket.on("error", () => {}).once("data", () => socket.end(`${text}\r\nContent-Length: 0\r\n\r\n`));
    });
    server.listen(0, "127.0.0.2");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const gate = await world.open({ mode: "allowlist", allow: [`ok.test:${port}`] });
    const request = `GET http://ok.test:${port}/ HTTP/1.1\r\nHost: ok.test:${port}\r\n\r\n`;
    const answer = await talk(await gate.connect(), request);
    expect(answer).toMatch(/^HTTP\/1.1 502/);
    expect(egressCode(answer)).toBe("upstream_failed");
    server.close();
  });
});

describe("a client that leaves without a word", () => {
  it("takes its tunnel with it", async () => {
    const open = new Set<unknown>();
    const server = createServer((socket) => {
      open.add(socket);
      socket
        .on("error", () => {})
        .once("close", () => open.delete(socket))
        .resume();
    });
    server.listen(0, "127.0.0.2");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const gate = await world.open({
      mode: "allowlist",
      allow: [`ok.test:${port}`],
      limits: { ...limits, connections: 1 },
    });
    const socket = await gate.connect();
    await tunnel(socket, `ok.test:${port}`);
    await expect.poll(() => open.size).toBe(1);
    socket.end();
    await expect.poll(() => open.size).toBe(0);
    await expect.poll(async () => tunnel(await gate.connect(), `ok.test:${port}`)).toContain(" 200 ");
    server.close();
  });
});

describe("a WebSocket", () => {
  const upgrade = (path: string, authority: string) =>
    `GET ${path} HTTP/1.1\r\nHost: ${authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n`;
  const PLACEHOLDER = "gbxsecret_KEY_0123456789abcdef";
  /** A text frame of a client. */
  const frame = (text: string) => {
    const mask = [1, 2, 3, 4];
    const bytes = [...Buffer.from(text)].map((byte, i) => byte ^ (mask[i & 3] ?? 0));
    return Buffer.from([0x81, 0x80 | bytes.length, ...mask, ...bytes]);
  };
  const echo = () => {
    origin.onUpgrade = (request, socket) => {
      const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      const accept = createHash("sha1").update(key).digest("base64");
      socket.on("error", () => {});
      socket.write(
        `HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      socket.on("data", (chunk: Buffer) => socket.write(chunk));
    };
  };

  it("is carried where GET is allowed", async () => {
    echo();
    const gate = await world.open({ mode: "allowlist", allow: [`GET http://ok.test:${origin.port}/ws`] });
    const socket = await gate.connect();
    const head = readAll(socket, (text) => text.includes("\r\n\r\n"));
    socket.write(upgrade(`http://ok.test:${origin.port}/ws`, `ok.test:${origin.port}`));
    expect(await head).toMatch(/^HTTP\/1.1 101[\s\S]*s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/);
    const back = readAll(socket, (text) => text.length >= frame("hello").length);
    socket.write(frame("hello"));
    expect(Buffer.from(await back, "latin1")).toEqual(frame("hello"));
    expect(gate.decisions.at(-1)).toMatchObject({ allowed: true, method: "GET", path: "/ws" });
  });

  it("with a placeholder in a masked frame is ended", async () => {
    echo();
    const secrets = [{ name: "KEY", placeholder: PLACEHOLDER, value: "a-value", hosts: ["bound.test"] }];
    const gate = await world.open({ mode: "allowlist", allow: allow() }, { secrets });
    const socket = await gate.connect();
    const head = readAll(socket, (text) => text.includes("\r\n\r\n"));
    socket.write(upgrade(`http://ok.test:${origin.port}/ws`, `ok.test:${origin.port}`));
    await head;
    const rest = readAll(socket);
    for (const byte of frame(`x ${PLACEHOLDER}`)) socket.write(Buffer.of(byte));
    expect(await rest).not.toContain(PLACEHOLDER);
    expect(codes(gate)).toEqual(["placeholder_elsewhere"]);
  });

  it("that the host does not open is refused", async () => {
    origin.onUpgrade = (_request, socket) => void socket.end("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
    const gate = await world.open({ mode: "allowlist", allow: allow() });
    const answer = await talk(
      await gate.connect(),
      upgrade(`http://ok.test:${origin.port}/ws`, `ok.test:${origin.port}`),
    );
    expect(egressCode(answer)).toBe("upstream_failed");
  });
});
