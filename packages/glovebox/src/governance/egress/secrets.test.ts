import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { type AddressInfo, createServer } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { BoundSecret } from "../../core/index.ts";
import type { OriginServer } from "./testing/origin-servers.ts";
import { egressCode, readAll, startTls, talk, tunnel } from "./testing/talk.ts";
import { createWorld, type TestGate, type World } from "./testing/world.ts";

const VALUE = 's3cr3t/"value" + more';
const PLACEHOLDER = "gbxsecret_KEY_0123456789abcdef";
const OTHER = "gbxsecret_OTHER_fedcba9876543210";

let world: World;
let api: OriginServer;
let plain: OriginServer;
let elsewhere: OriginServer;
let gate: TestGate;

beforeAll(async () => {
  world = await createWorld();
  api = await world.origin("127.0.0.2", { tls: world.authority });
  plain = await world.origin("127.0.0.2");
  elsewhere = await world.origin("127.0.0.3", { tls: world.authority });
  for (const name of ["api.test", "clear.test", "pinned.test"]) world.dns.set(name, ["127.0.0.2"]);
  world.dns.set("elsewhere.test", ["127.0.0.3"]);
  const secrets: BoundSecret[] = [
    {
      name: "KEY",
      placeholder: PLACEHOLDER,
      value: VALUE,
      hosts: [`api.test:${api.port}`, `clear.test:${plain.port}`, `pinned.test:${api.port}`],
    },
    { name: "OTHER", placeholder: OTHER, value: "another-value", hosts: ["nowhere.test"] },
  ];
  gate = await world.open(
    {
      mode: "allowlist",
      allow: [
        `api.test:${api.port}`,
        `pinned.test:${api.port}`,
        `elsewhere.test:${elsewhere.port}`,
        `GET https://elsewhere.test:${elsewhere.port}/*`,
        `POST https://elsewhere.test:${elsewhere.port}/*`,
        `http://clear.test:${plain.port}/*`,
        `api.test:${plain.port}`,
      ],
      exempt: [`pinned.test:${api.port}`],
    },
    { secrets },
  );
});
beforeEach(() => {
  gate.decisions.length = 0;
  gate.audited.length = 0;
  for (const origin of [api, plain, elsewhere]) {
    origin.seen.length = 0;
    origin.answer = (_request, response) => void response.end("fine");
  }
});
afterAll(() => world[Symbol.asyncDispose]());

/** One request within opened TLS. */
async function ask(host: string, request: string | Buffer, port = api.port): Promise<string> {
  const socket = await gate.connect();
  await tunnel(socket, `${host}:${port}`);
  const tls = await startTls(socket, { servername: host, ca: gate.gate.authority ?? "", ALPNProtocols: ["http/1.1"] });
  return talk(tls, request);
}
const toApi = (line: string, headers = "", body = "") =>
  ask("api.test", `${line} HTTP/1.1\r\nHost: api.test:${api.port}\r\n${headers}\r\n${body}`);
const withBody = (type: string, body: string | Buffer, more = "") =>
  Buffer.concat([
    Buffer.from(
      `POST /x HTTP/1.1\r\nHost: api.test:${api.port}\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${more}\r\n`,
    ),
    Buffer.from(body),
  ]);

/** Nothing that is recorded holds a value or a placeholder. */
function expectClean(): void {
  const told = JSON.stringify([gate.decisions, gate.audited]);
  for (const text of [VALUE, "s3cr3t", PLACEHOLDER, OTHER, "another-value"]) expect(told).not.toContain(text);
}

describe("a value is put in", () => {
  it("in headers", async () => {
    await toApi("GET /", `Authorization: Bearer ${PLACEHOLDER}\r\n`);
    expect(api.seen[0]?.headers.authorization).toBe(`Bearer ${VALUE}`);
    expect(gate.decisions.at(-1)).toMatchObject({ allowed: true, secrets: ["KEY"], method: "GET", path: "/" });
    expectClean();
  });

  it("in Basic credentials", async () => {
    await toApi("GET /", `Authorization: Basic ${Buffer.from(`user:${PLACEHOLDER}`).toString("base64")}\r\n`);
    const sent = api.seen[0]?.headers.authorization?.split(" ")[1] ?? "";
    expect(Buffer.from(sent, "base64").toString()).toBe(`user:${VALUE}`);
    expect(gate.decisions.at(-1)?.secrets).toEqual(["KEY"]);
  });

  it("in path and query, as URLs are written", async () => {
    await toApi(`GET /bot${PLACEHOLDER}/x?key=${PLACEHOLDER}&b=1`);
    const encoded = encodeURIComponent(VALUE);
    expect(api.seen[0]?.url).toBe(`/bot${encoded}/x?key=${encoded}&b=1`);
    expectClean();
  });

  it.each([
    ["text/plain", `a ${PLACEHOLDER} b`, `a ${VALUE} b`],
    ["application/json", JSON.stringify({ key: PLACEHOLDER }), JSON.stringify({ key: VALUE })],
    ["application/x-www-form-urlencoded", `k=${PLACEHOLDER}&x=y`, `k=${encodeURIComponent(VALUE)}&x=y`],
  ])("in a body of %s, with a length that fits", async (type, body, expected) => {
    await ask("api.test", withBody(type, body));
    expect(api.seen[0]?.body).toBe(expected);
    expect(api.seen[0]?.headers["content-length"]).toBe(String(Buffer.byteLength(expected)));
    expect(gate.decisions.at(-1)?.secrets).toEqual(["KEY"]);
  });

  it("in a compressed body, which is sent on as it is", async () => {
    await ask("api.test", withBody("text/plain", gzipSync(`a ${PLACEHOLDER}`), "Content-Encoding: gzip\r\n"));
    expect(api.seen[0]).toMatchObject({ body: `a ${VALUE}` });
    expect(api.seen[0]?.headers["content-encoding"]).toBeUndefined();
  });

  it("in a chunked body where it is split at every byte", async () => {
    const chunks = [...PLACEHOLDER].map((character) => `1\r\n${character}\r\n`).join("");
    await toApi("POST /", "Transfer-Encoding: chunked\r\n", `${chunks}0\r\n\r\n`);
    expect(api.seen[0]?.body).toBe(VALUE);
    await expect.poll(() => gate.decisions.some(({ secrets }) => secrets?.includes("KEY"))).toBe(true);
  });

  it("in HTTP/2", async () => {
    const socket = await gate.connect();
    await tunnel(socket, `api.test:${api.port}`);
    const ca = gate.gate.authority ?? "";
    const tls = await startTls(socket, { servername: "api.test", ca, ALPNProtocols: ["h2"] });
    const session = connectHttp2(`https://api.test:${api.port}`, { createConnection: () => tls });
    api.answer = (_request, response) => void response.end(`you sent ${VALUE}`);
    const one = session.request({ ":path": `/${PLACEHOLDER}`, ":method": "POST", cookie: ["a=1", `b=${PLACEHOLDER}`] });
    one.end(`body ${PLACEHOLDER}`);
    expect(await readAll(one)).toBe(`you sent ${PLACEHOLDER}`);
    const two = session.request({ ":path": "/two" });
    expect(await readAll(two)).toBe(`you sent ${PLACEHOLDER}`);
    expect(api.seen).toMatchObject([
      { url: `/${encodeURIComponent(VALUE)}`, body: `body ${VALUE}`, headers: { cookie: `a=1; b=${VALUE}` } },
      { url: "/two" },
    ]);
    session.destroy();
  });

  it("in the clear only where a rule says http://", async () => {
    const request = (host: string) =>
      `GET http://${host}:${plain.port}/ HTTP/1.1\r\nHost: ${host}:${plain.port}\r\nX-Key: ${PLACEHOLDER}\r\n\r\n`;
    await talk(await gate.connect(), request("clear.test"));
    expect(plain.seen[0]?.headers["x-key"]).toBe(VALUE);
    expect(egressCode(await talk(await gate.connect(), request("api.test")))).toBe("placeholder_elsewhere");
    expect(plain.seen).toHaveLength(1);
  });
});

describe("a placeholder on its way elsewhere is refused", () => {
  const encodings: [string, string][] = [
    ["raw", PLACEHOLDER],
    ["URL-encoded", encodeURIComponent(PLACEHOLDER)],
    ["base64", Buffer.from(`u:${PLACEHOLDER}`).toString("base64")],
    ["base64 at another alignment", Buffer.from(`us:${PLACEHOLDER}`).toString("base64url")],
  ];
  const get = (path: string, headers = "") =>
    `GET ${path} HTTP/1.1\r\nHost: elsewhere.test:${elsewhere.port}\r\n${headers}\r\n`;
  const places: [string, (text: string) => string][] = [
    ["a header", (text) => get("/", `X: ${text}\r\n`)],
    ["a header's name", () => get("/", `${PLACEHOLDER}: x\r\n`)],
    ["Basic credentials", () => get("/", `Authorization: Basic ${Buffer.from(PLACEHOLDER).toString("base64")}\r\n`)],
    ["the path", (text) => get(`/${text.replaceAll(/[/+=]/g, "")}`)],
    ["the query", (text) => get(`/?${text}`)],
    [
      "the body",
      (text) =>
        `POST / HTTP/1.1\r\nHost: elsewhere.test:${elsewhere.port}\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
    ],
  ];
  it.each(
    places.flatMap(([place, make]) => encodings.map(([name, text]) => ({ place, name, request: () => make(text) }))),
  )("in $place, $name", async ({ request }) => {
    const answer = await ask("elsewhere.test", request(), elsewhere.port);
    expect(egressCode(answer)).toBe("placeholder_elsewhere");
    expect(gate.decisions.some(({ code }) => code === "placeholder_elsewhere")).toBe(true);
    expect(JSON.stringify(elsewhere.seen)).not.toContain("gbxsecret");
    expectClean();
  });

  it("in a host name, before it is looked up", async () => {
    const exact = `${PLACEHOLDER}.evil.test`;
    for (const name of [exact, exact.toUpperCase()]) {
      const answer = await talk(await gate.connect(), `GET http://${name}/ HTTP/1.1\r\nHost: ${name}\r\n\r\n`);
      expect(egressCode(answer)).toBe("placeholder_elsewhere");
    }
    expect(world.dns.asked.filter((name) => name.includes("evil"))).toEqual([]);
    expectClean();
  });

  it("of another secret, at a bound host", async () => {
    const answer = await toApi("GET /", `X: ${PLACEHOLDER}\r\nY: ${OTHER}\r\n`);
    expect(egressCode(answer)).toBe("placeholder_elsewhere");
    expect(api.seen).toEqual([]);
  });

  it("in a body whose compression is unknown", async () => {
    const answer = await ask("api.test", withBody("text/plain", "xyz", "Content-Encoding: lzma\r\n"));
    expect(egressCode(answer)).toBe("unreadable_body");
    expect(api.seen).toEqual([]);
  });

  it("in a tunnel in the clear, before the piece that completes it leaves", async () => {
    const got: Buffer[] = [];
    const server = createServer((socket) => socket.on("error", () => {}).on("data", (chunk) => got.push(chunk)));
    server.listen(0, "127.0.0.4");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    world.dns.set("raw.test", ["127.0.0.4"]);
    const secrets = [{ name: "KEY", placeholder: PLACEHOLDER, value: VALUE, hosts: ["api.test"] }];
    const other = await world.open({ mode: "allowlist", allow: [`raw.test:${port}`] }, { secrets });
    const socket = await other.connect();
    await tunnel(socket, `raw.test:${port}`);
    const ended = readAll(socket);
    socket.write(`\0 before ${PLACEHOLDER.slice(0, 9)}`);
    await expect.poll(() => Buffer.concat(got).toString()).toBe("\0 before ");
    socket.write(PLACEHOLDER.slice(9));
    await ended;
    expect(other.decisions.at(-1)).toMatchObject({ allowed: false, code: "placeholder_elsewhere" });
    expect(Buffer.concat(got).toString()).toBe("\0 before ");
    socket.destroy();
    server.close();
  });
});

describe("a host that is exempt", () => {
  it("is not opened and gets no value", async () => {
    const socket = await gate.connect();
    await tunnel(socket, `pinned.test:${api.port}`);
    const tls = await startTls(socket, { servername: "pinned.test", ca: world.authority.certificate });
    await talk(tls, `GET / HTTP/1.1\r\nHost: pinned.test:${api.port}\r\nX-Key: ${PLACEHOLDER}\r\n\r\n`);
    expect(api.seen[0]?.headers["x-key"]).toBe(PLACEHOLDER);
  });
});

describe("a value that comes back", () => {
  it.each([
    ["raw", VALUE],
    ["as JSON", JSON.stringify({ v: VALUE })],
    ["URL-encoded", encodeURIComponent(VALUE)],
    ["base64", Buffer.from(`x:${VALUE}`).toString("base64")],
  ])("%s is replaced by the placeholder", async (_name, text) => {
    api.answer = (_request, response) => void response.writeHead(200, { "x-echo": text }).end(`<${text}>`);
    const answer = await toApi("GET /");
    expect(answer).not.toContain(text);
    expect(answer).not.toContain("s3cr3t");
    expect(answer.split(PLACEHOLDER)).toHaveLength(3);
  });

  it("in pieces and compressed is replaced too", async () => {
    api.answer = (_request, response) => {
      response.writeHead(200, { "content-encoding": "gzip" });
      for (const byte of gzipSync(`<${VALUE}>`)) response.write(Buffer.of(byte));
      response.end();
    };
    const answer = await toApi("GET /", "Accept-Encoding: gzip\r\n");
    expect(answer).not.toMatch(/content-encoding/i);
    expect(answer.replace(/\r\n[0-9a-f]+\r\n/g, "")).toContain(PLACEHOLDER);
    expect(answer).not.toContain("s3cr3t");
  });

  it("in an unknown compression is refused", async () => {
    api.answer = (_request, response) => void response.writeHead(200, { "content-encoding": "lzma" }).end("x");
    expect(egressCode(await toApi("GET /"))).toBe("unreadable_response");
  });

  it("cannot be asked for in ranges", async () => {
    await toApi("GET /", "Range: bytes=0-3\r\n");
    expect(api.seen[0]?.headers.range).toBeUndefined();
  });
});
