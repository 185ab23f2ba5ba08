import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OriginServer } from "./testing/origin-servers.ts";
import { egressCode, readAll, startTls, talk, tunnel } from "./testing/talk.ts";
import { createWorld, type TestGate, type World } from "./testing/world.ts";

/** Every way here leads to a refusal with the code that is named, and nothing reaches a host that is not allowed. */

let world: World;
/** Ports of plain and TLS origins: the same at every address. */
let plain = 0;
let tls = 0;
let good: OriginServer;
/** Where nothing may arrive: an address that the operator permits but no rule names, and one that nobody permits. */
const traps: OriginServer[] = [];
let listed: TestGate;
let open: TestGate;

beforeAll(async () => {
  world = await createWorld();
  good = await world.origin("127.0.0.2");
  const goodTls = await world.origin("127.0.0.2", { tls: world.authority });
  [plain, tls] = [good.port, goodTls.port];
  for (const address of ["127.0.0.3", "127.0.0.9", "127.0.0.1"]) {
    traps.push(
      await world.origin(address, { port: plain }),
      await world.origin(address, { port: tls, tls: world.authority }),
    );
  }
  for (const name of ["allowed.test", "wild.test", "sub.wild.test", "api.test", "plain.test"])
    world.dns.set(name, ["127.0.0.2"]);
  for (const name of ["other.test", "allowed.test.other.test", "xallowed.test", "xn--llowed-3fg.test"]) {
    world.dns.set(name, ["127.0.0.3"]);
  }
  world.dns.set("inside.test", ["127.0.0.9"]);
  world.dns.set("mixed.test", ["127.0.0.2", "127.0.0.9"]);
  world.dns.set("mapped.test", ["::ffff:127.0.0.9"]);
  world.dns.set("sixth.test", ["::1"]);
  world.dns.set("metadata.test", ["169.254.169.254"]);
  world.dns.set("zero.test", ["0.0.0.0"]);
  world.dns.set("nat64.test", ["64:ff9b::7f00:9"]);
  world.dns.set("local.test", ["fe80::1"]);
  const permitAddresses = ["127.0.0.2/32", "127.0.0.3/32", "169.254.0.0/16", "fe80::/10", "100.100.100.200/32"];
  const allow = [
    `allowed.test:${plain}`,
    `allowed.test:${tls}`,
    `*.wild.test:${plain}`,
    `GET https://api.test:${tls}/v1/*`,
    `GET http://plain.test:${plain}/v1/*`,
    `inside.test:${plain}`,
    `mixed.test:${plain}`,
    `metadata.test:${plain}`,
    `127.0.0.9:${plain}`,
    `127.0.0.2:${tls}`,
  ];
  listed = await world.open({ mode: "allowlist", allow }, { permitAddresses });
  open = await world.open({ mode: "open" }, { permitAddresses });
});
afterAll(() => world[Symbol.asyncDispose]());

interface Way {
  readonly name: string;
  /** The refusal's code, as the decision says. */
  readonly code: string;
  readonly go: () => Promise<unknown>;
  readonly gate?: () => TestGate;
}

const raw =
  (text: string | (() => string), gate = () => listed) =>
  async () =>
    talk(await gate().connect(), typeof text === "string" ? text : text());
/** An ordinary request to the proxy for `http://AUTHORITY/PATH`. */
const get = (authority: () => string, path = "/", gate = () => listed) =>
  raw(() => `GET http://${authority()}${path} HTTP/1.1\r\nHost: ${authority()}\r\n\r\n`, gate);
const connectTo =
  (authority: () => string, head?: () => string, gate = () => listed) =>
  async () =>
    tunnel(await gate().connect(), authority(), head?.());
/** A tunnel to `host` on the TLS port, then TLS that names `servername`. */
const named = (host: string, servername: string | undefined) => async () => {
  const socket = await listed.connect();
  await tunnel(socket, `${host}:${tls}`);
  await expect(
    startTls(socket, { ...(servername === undefined ? {} : { servername }), rejectUnauthorized: false }),
  ).rejects.toThrow();
};
/** A request within opened TLS. */
const opened = (request: () => string) => async () => {
  const socket = await listed.connect();
  await tunnel(socket, `api.test:${tls}`);
  const ca = listed.gate.authority ?? "";
  return talk(await startTls(socket, { servername: "api.test", ca, ALPNProtocols: ["http/1.1"] }), request());
};
const openedGet = (path: string) => opened(() => `GET ${path} HTTP/1.1\r\nHost: api.test:${tls}\r\n\r\n`);
const openedHttp2 = (headers: () => Record<string, string>) => async () => {
  const socket = await listed.connect();
  await tunnel(socket, `api.test:${tls}`);
  const ca = listed.gate.authority ?? "";
  const secure = await startTls(socket, { servername: "api.test", ca, ALPNProtocols: ["h2"] });
  const session = connectHttp2(`https://api.test:${tls}`, { createConnection: () => secure });
  session.on("error", () => {});
  const stream = session.request(headers());
  stream.on("error", () => {});
  const [answer] = await Promise.race([once(stream, "response"), once(stream, "close")]);
  session.destroy();
  return answer;
};
const redirected = (host: string, port: () => number, bytes: () => string) => async () => {
  const socket = await listed.connect({ host, port: port() });
  return talk(socket, bytes());
};
const allowed = () => `allowed.test:${plain}`;
const head = (text: () => string) => raw(() => `${text()}\r\n\r\n`);

const HOSTS: Way[] = [
  { name: "a host that no rule names", code: "not_in_allow_list", go: get(() => `other.test:${plain}`) },
  { name: "the same in upper case", code: "not_in_allow_list", go: get(() => `OTHER.TEST:${plain}`) },
  { name: "the same with a trailing dot", code: "not_in_allow_list", go: get(() => `other.test.:${plain}`) },
  {
    name: "an allowed name as a subdomain",
    code: "not_in_allow_list",
    go: get(() => `allowed.test.other.test:${plain}`),
  },
  { name: "an allowed name as an ending", code: "not_in_allow_list", go: get(() => `xallowed.test:${plain}`) },
  {
    name: "below a name that is allowed itself only",
    code: "not_in_allow_list",
    go: get(() => `sub.allowed.test:${plain}`),
  },
  { name: "the name that *.name does not include", code: "not_in_allow_list", go: get(() => `wild.test:${plain}`) },
  { name: "a name that only ends like *.name", code: "not_in_allow_list", go: get(() => `xwild.test:${plain}`) },
  { name: "*.name in the middle", code: "not_in_allow_list", go: get(() => `a.wild.test.other.test:${plain}`) },
  {
    name: "a letter of another alphabet, as punycode",
    code: "not_in_allow_list",
    go: get(() => `xn--llowed-3fg.test:${plain}`),
  },
  { name: "a star as a host", code: "invalid_host", go: get(() => `*.wild.test:${plain}`) },
  { name: "the address of an allowed name", code: "not_in_allow_list", go: get(() => `127.0.0.2:${plain}`) },
  { name: "an allowed host on another port", code: "not_in_allow_list", go: get(() => "allowed.test:1") },
  { name: "an allowed host on the default port", code: "not_in_allow_list", go: get(() => "allowed.test") },
  { name: "port 0", code: "invalid_port", go: get(() => "allowed.test:0") },
  {
    name: "a port past 65535 that wraps to an allowed one",
    code: "invalid_port",
    go: get(() => `allowed.test:${plain + 65_536}`),
  },
  { name: "an empty port", code: "invalid_port", go: get(() => "allowed.test:") },
  { name: "a negative port", code: "invalid_host", go: get(() => "allowed.test:-1") },
  { name: "two ports", code: "invalid_host", go: get(() => `allowed.test:${plain}:80`) },
  { name: "two trailing dots", code: "invalid_host", go: get(() => `allowed.test..:${plain}`) },
  { name: "an empty label", code: "invalid_host", go: get(() => `allowed..test:${plain}`) },
  { name: "an overlong label", code: "invalid_host", go: get(() => `${"a".repeat(64)}.test:${plain}`) },
  { name: "an overlong name", code: "invalid_host", go: get(() => `${"a.".repeat(130)}test:${plain}`) },
  { name: "an escaped dot", code: "invalid_host", go: get(() => `allowed%2etest:${plain}`) },
  {
    name: "an escaped NUL after an allowed name",
    code: "invalid_host",
    go: get(() => `allowed.test%00.other.test:${plain}`),
  },
  { name: "an allowed name as user", code: "malformed_request", go: get(() => `allowed.test@other.test:${plain}`) },
  {
    name: "an allowed name as user and password",
    code: "malformed_request",
    go: get(() => `allowed.test:x@other.test:${plain}`),
  },
  { name: "a user of an allowed host", code: "malformed_request", go: get(() => `user@allowed.test:${plain}`) },
  { name: "a backslash before @", code: "malformed_request", go: get(() => `allowed.test\\@other.test:${plain}`) },
  { name: "a fragment before @", code: "malformed_request", go: get(() => `other.test#@allowed.test:${plain}`) },
  { name: "no host at all", code: "invalid_host", go: raw("GET http:///x HTTP/1.1\r\nHost: allowed.test\r\n\r\n") },
];

const FORMS: Way[] = [
  {
    name: "absolute form and Host that disagree",
    code: "host_mismatch",
    go: head(() => `GET http://${allowed()}/ HTTP/1.1\r\nHost: other.test:${plain}`),
  },
  {
    name: "Host with another port",
    code: "host_mismatch",
    go: head(() => `GET http://${allowed()}/ HTTP/1.1\r\nHost: allowed.test:1`),
  },
  {
    name: "Host without the port",
    code: "host_mismatch",
    go: head(() => `GET http://${allowed()}/ HTTP/1.1\r\nHost: allowed.test`),
  },
  {
    name: "two Host headers",
    code: "malformed_request",
    go: head(() => `GET http://${allowed()}/ HTTP/1.1\r\nHost: ${allowed()}\r\nHost: other.test`),
  },
  {
    name: "the same Host twice",
    code: "malformed_request",
    go: head(() => `GET http://${allowed()}/ HTTP/1.1\r\nHost: ${allowed()}\r\nhost: ${allowed()}`),
  },
  { name: "no Host", code: "malformed_request", go: head(() => `GET http://${allowed()}/ HTTP/1.1`) },
  {
    name: "two hosts in one header",
    code: "invalid_host",
    go: head(() => `GET http://${allowed()}/ HTTP/1.1\r\nHost: ${allowed()}, other.test`),
  },
  {
    name: "a path alone, to the proxy",
    code: "not_a_proxy_request",
    go: head(() => `GET / HTTP/1.1\r\nHost: ${allowed()}`),
  },
  {
    name: "a path with two slashes, to the proxy",
    code: "not_a_proxy_request",
    go: head(() => `GET //other.test/ HTTP/1.1\r\nHost: ${allowed()}`),
  },
  {
    name: "https: in absolute form",
    code: "not_a_proxy_request",
    go: head(() => `GET https://allowed.test:${tls}/ HTTP/1.1\r\nHost: allowed.test:${tls}`),
  },
  {
    name: "another scheme",
    code: "not_a_proxy_request",
    go: head(() => `GET ftp://${allowed()}/ HTTP/1.1\r\nHost: ${allowed()}`),
  },
  {
    name: "file:",
    code: "not_a_proxy_request",
    go: head(() => `GET file:///etc/passwd HTTP/1.1\r\nHost: ${allowed()}`),
  },
  { name: "OPTIONS *", code: "not_a_proxy_request", go: head(() => `OPTIONS * HTTP/1.1\r\nHost: ${allowed()}`) },
  {
    name: "Content-Length with Transfer-Encoding",
    code: "malformed_request",
    go: raw(
      () =>
        `POST http://${allowed()}/ HTTP/1.1\r\nHost: ${allowed()}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ),
  },
  {
    name: "two Content-Lengths",
    code: "malformed_request",
    go: raw(
      () =>
        `POST http://${allowed()}/ HTTP/1.1\r\nHost: ${allowed()}\r\nContent-Length: 0\r\nContent-Length: 30\r\n\r\n`,
    ),
  },
  {
    name: "a signed Content-Length",
    code: "malformed_request",
    go: raw(() => `POST http://${allowed()}/ HTTP/1.1\r\nHost: ${allowed()}\r\nContent-Length: +5\r\n\r\nhello`),
  },
  {
    name: "chunked that is not last",
    code: "malformed_request",
    go: raw(
      () =>
        `POST http://${allowed()}/ HTTP/1.1\r\nHost: ${allowed()}\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
    ),
  },
  {
    name: "a Transfer-Encoding that only resembles chunked",
    code: "malformed_request",
    go: raw(
      () => `POST http://${allowed()}/ HTTP/1.1\r\nHost: ${allowed()}\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    ),
  },
  {
    name: "a space before the colon",
    code: "malformed_request",
    go: raw(() => `GET http://${allowed()}/ HTTP/1.1\r\nHost : ${allowed()}\r\n\r\n`),
  },
  {
    name: "a folded Host",
    code: "malformed_request",
    go: raw(() => `GET http://${allowed()}/ HTTP/1.1\r\nHost:\r\n ${allowed()}\r\n\r\n`),
  },
  {
    name: "a line that ends in CR alone",
    code: "malformed_request",
    go: raw(() => `GET http://${allowed()}/ HTTP/1.1\rHost: ${allowed()}\r\n\r\n`),
  },
  {
    name: "a NUL in a header",
    code: "malformed_request",
    go: raw(() => `GET http://${allowed()}/ HTTP/1.1\r\nHost: ${allowed()}\r\nX: a\0b\r\n\r\n`),
  },
  {
    name: "CR LF in the URL",
    code: "malformed_request",
    go: raw(() => `GET http://${allowed()}/\r\nHost: other.test HTTP/1.1\r\n\r\n`),
  },
  {
    name: "a space in the URL",
    code: "malformed_request",
    go: raw(() => `GET http://${allowed()}/a b HTTP/1.1\r\nHost: ${allowed()}\r\n\r\n`),
  },
  {
    name: "overlong headers",
    code: "malformed_request",
    go: raw(() => `GET http://${allowed()}/ HTTP/1.1\r\nHost: ${allowed()}\r\nX: ${"x".repeat(40_000)}\r\n\r\n`),
  },
  {
    name: "an unknown method",
    code: "malformed_request",
    go: raw(() => `FETCH http://${allowed()}/ HTTP/1.1\r\nHost: ${allowed()}\r\n\r\n`),
  },
  {
    name: "an upgrade to HTTP/2",
    code: "upgrade_not_allowed",
    go: raw(
      () =>
        `GET http://${allowed()}/ HTTP/1.1\r\nHost: ${allowed()}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n`,
    ),
  },
  { name: "HTTP/2 without TLS", code: "malformed_request", go: raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") },
  {
    name: "a plain path that no rule allows",
    code: "request_not_allowed",
    go: get(() => `plain.test:${plain}`, "/v2/x"),
  },
  {
    name: "a plain method that no rule allows",
    code: "request_not_allowed",
    go: raw(() => `DELETE http://plain.test:${plain}/v1/x HTTP/1.1\r\nHost: plain.test:${plain}\r\n\r\n`),
  },
];

const TUNNELS: Way[] = [
  { name: "CONNECT to another host", code: "not_in_allow_list", go: connectTo(() => `other.test:${tls}`) },
  { name: "CONNECT to another port", code: "not_in_allow_list", go: connectTo(() => "allowed.test:22") },
  { name: "CONNECT without a port", code: "invalid_port", go: connectTo(() => "allowed.test") },
  { name: "CONNECT with a user", code: "malformed_request", go: connectTo(() => `allowed.test@other.test:${tls}`) },
  {
    name: "CONNECT with a Host that differs",
    code: "host_mismatch",
    go: connectTo(
      () => `allowed.test:${tls}`,
      () => `Host: other.test:${tls}\r\n`,
    ),
  },
  {
    name: "CONNECT with a URL",
    code: "invalid_host",
    go: connectTo(
      () => `http://allowed.test:${tls}`,
      () => "",
    ),
  },
  { name: "CONNECT to an address in hex", code: "not_in_allow_list", go: connectTo(() => `0x7f000003:${tls}`) },
  {
    name: "CONNECT to a listed address that is not public",
    code: "private_address",
    go: connectTo(() => `127.0.0.9:${plain}`),
  },
  {
    name: "a server name that differs from CONNECT's",
    code: "server_name_mismatch",
    go: named("allowed.test", "other.test"),
  },
  {
    name: "a server name that only begins the same",
    code: "server_name_mismatch",
    go: named("allowed.test", "allowed.test.other.test"),
  },
  { name: "no server name", code: "server_name_mismatch", go: named("allowed.test", undefined) },
  {
    name: "a server name where CONNECT names an address",
    code: "server_name_mismatch",
    go: named("127.0.0.2", "other.test"),
  },
  {
    name: "a server name that differs where TLS is opened",
    code: "server_name_mismatch",
    go: named("api.test", "other.test"),
  },
  {
    name: "a ClientHello that is cut short by its lengths",
    code: "server_name_mismatch",
    async go() {
      const socket = await listed.connect();
      await tunnel(socket, `allowed.test:${tls}`);
      const answer = readAll(socket);
      socket.write(Buffer.from([22, 3, 1, 0, 8, 1, 0, 0, 4, 3, 3, 0, 0]));
      return answer;
    },
  },
  {
    name: "plain HTTP where rules allow https alone",
    code: "request_not_allowed",
    async go() {
      const socket = await listed.connect();
      await tunnel(socket, `api.test:${tls}`);
      const answer = readAll(socket);
      socket.write(`GET /v1/x HTTP/1.1\r\nHost: api.test:${tls}\r\n\r\n`);
      return answer;
    },
  },
];

TUNNELS.push({
  name: "neither TLS nor HTTP where TLS is opened",
  code: "not_tls",
  async go() {
    const socket = await listed.connect();
    await tunnel(socket, `api.test:${tls}`);
    const answer = readAll(socket);
    socket.write("SSH-2.0-client\r\n");
    return answer;
  },
});

const OPENED: Way[] = [
  { name: "a path that no rule allows", code: "request_not_allowed", go: openedGet("/v2/x") },
  { name: "a path that begins alike", code: "request_not_allowed", go: openedGet("/v1x") },
  { name: "a path in another case", code: "request_not_allowed", go: openedGet("/V1/x") },
  {
    name: "a method that no rule allows",
    code: "request_not_allowed",
    go: opened(() => `POST /v1/x HTTP/1.1\r\nHost: api.test:${tls}\r\nContent-Length: 0\r\n\r\n`),
  },
  { name: "dot segments", code: "ambiguous_path", go: openedGet("/v1/../admin") },
  { name: "a dot segment at the end", code: "ambiguous_path", go: openedGet("/v1/..") },
  { name: "escaped dot segments", code: "ambiguous_path", go: openedGet("/v1/%2e%2E/admin") },
  { name: "half-escaped dot segments", code: "ambiguous_path", go: openedGet("/v1/.%2e/admin") },
  { name: "dots escaped twice", code: "ambiguous_path", go: openedGet("/v1/%252e%252e/admin") },
  { name: "an escaped slash", code: "ambiguous_path", go: openedGet("/v1/..%2fadmin") },
  { name: "an escaped backslash", code: "ambiguous_path", go: openedGet("/v1/..%5cadmin") },
  { name: "a backslash", code: "ambiguous_path", go: openedGet("/v1/..\\admin") },
  { name: "dot segments with a parameter", code: "ambiguous_path", go: openedGet("/v1/..;x=1/admin") },
  { name: "an empty segment", code: "ambiguous_path", go: openedGet("/v1//admin") },
  { name: "two slashes at the beginning", code: "ambiguous_path", go: openedGet("//v1/x") },
  { name: "an escape that is none", code: "ambiguous_path", go: openedGet("/v1/%zz") },
  { name: "an escaped NUL", code: "ambiguous_path", go: openedGet("/v1/x%00") },
  {
    name: "another Host",
    code: "host_mismatch",
    go: opened(() => `GET /v1/x HTTP/1.1\r\nHost: other.test:${tls}\r\n\r\n`),
  },
  {
    name: "a Host without the port",
    code: "host_mismatch",
    go: opened(() => "GET /v1/x HTTP/1.1\r\nHost: api.test\r\n\r\n"),
  },
  {
    name: "absolute form for another host",
    code: "malformed_request",
    go: opened(() => `GET https://other.test:${tls}/v1/x HTTP/1.1\r\nHost: api.test:${tls}\r\n\r\n`),
  },
  {
    name: "CONNECT within",
    code: "malformed_request",
    go: opened(() => `CONNECT other.test:${tls} HTTP/1.1\r\nHost: other.test:${tls}\r\n\r\n`),
  },
  {
    name: "a WebSocket on another path",
    code: "request_not_allowed",
    go: opened(
      () =>
        `GET /ws HTTP/1.1\r\nHost: api.test:${tls}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    ),
  },
  {
    name: "an upgrade to something else",
    code: "upgrade_not_allowed",
    go: opened(() => `GET /v1/x HTTP/1.1\r\nHost: api.test:${tls}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`),
  },
  {
    name: "another :authority in HTTP/2",
    code: "host_mismatch",
    go: openedHttp2(() => ({ ":path": "/v1/x", ":authority": `other.test:${tls}` })),
  },
  {
    name: "a Host beside :authority in HTTP/2",
    code: "host_mismatch",
    go: openedHttp2(() => ({ ":path": "/v1/x", host: `other.test:${tls}`, ":authority": `api.test:${tls}` })),
  },
  {
    name: "another :scheme in HTTP/2",
    code: "malformed_request",
    go: openedHttp2(() => ({ ":path": "/v1/x", ":scheme": "http" })),
  },
  {
    name: "a path that no rule allows in HTTP/2",
    code: "request_not_allowed",
    go: openedHttp2(() => ({ ":path": "/v2" })),
  },
  { name: "dot segments in HTTP/2", code: "ambiguous_path", go: openedHttp2(() => ({ ":path": "/v1/../admin" })) },
  {
    name: "a fragment in the path in HTTP/2",
    code: "malformed_request",
    go: openedHttp2(() => ({ ":path": "/v1/x#y" })),
  },
  {
    name: "an unknown method in HTTP/2",
    code: "malformed_request",
    go: openedHttp2(() => ({ ":path": "/v1/x", ":method": "STEAL" })),
  },
];

const REDIRECTED: Way[] = [
  {
    name: "a redirected connection to another host",
    code: "not_in_allow_list",
    go: redirected(
      "other.test",
      () => plain,
      () => `GET / HTTP/1.1\r\nHost: other.test:${plain}\r\n\r\n`,
    ),
  },
  {
    name: "one whose Host differs from its target",
    code: "host_mismatch",
    go: redirected(
      "allowed.test",
      () => plain,
      () => `GET / HTTP/1.1\r\nHost: other.test:${plain}\r\n\r\n`,
    ),
  },
  {
    name: "one to an address whose Host is no allowed name",
    code: "not_in_allow_list",
    go: redirected(
      "127.0.0.3",
      () => plain,
      () => `GET / HTTP/1.1\r\nHost: other.test:${plain}\r\n\r\n`,
    ),
  },
  {
    name: "one to an address whose Host is another address",
    code: "host_mismatch",
    go: redirected(
      "127.0.0.3",
      () => plain,
      () => `GET / HTTP/1.1\r\nHost: 127.0.0.2:${plain}\r\n\r\n`,
    ),
  },
  {
    name: "one that asks in absolute form",
    code: "malformed_request",
    go: redirected(
      "allowed.test",
      () => plain,
      () => `GET http://other.test/ HTTP/1.1\r\nHost: ${allowed()}\r\n\r\n`,
    ),
  },
  {
    name: "one that asks to CONNECT",
    code: "malformed_request",
    go: redirected(
      "allowed.test",
      () => plain,
      () => `CONNECT other.test:${tls} HTTP/1.1\r\n\r\n`,
    ),
  },
  {
    name: "one that speaks something else",
    code: "not_tls",
    go: redirected(
      "api.test",
      () => tls,
      () => "\0\0\0\u0001",
    ),
  },
  {
    name: "one to no host",
    code: "invalid_host",
    go: redirected(
      "allowed.test/x",
      () => plain,
      () => "GET / HTTP/1.1\r\n\r\n",
    ),
  },
  {
    name: "one with TLS for another name",
    code: "server_name_mismatch",
    async go() {
      const socket = await listed.connect({ host: "allowed.test", port: tls });
      await expect(startTls(socket, { servername: "other.test", rejectUnauthorized: false })).rejects.toThrow();
    },
  },
  {
    name: "one with TLS to an address, for a name that no rule names",
    code: "not_in_allow_list",
    async go() {
      const socket = await listed.connect({ host: "127.0.0.2", port: tls });
      await expect(startTls(socket, { servername: "other.test", rejectUnauthorized: false })).rejects.toThrow();
    },
  },
];

const PRIVATE_SPELLINGS = [
  ..."127.0.0.9 2130706441 0x7f000009 0177.0.0.011 017700000011 127.9 127.0.9 0x7f.9 127.0.0x0.9 127.0.0.9.".split(" "),
  ..."[::ffff:127.0.0.9] [::ffff:7f00:9] [0:0:0:0:0:ffff:7f00:9] [::127.0.0.9] [64:ff9b::7f00:9] [64:ff9b:1::7f00:9]".split(
    " ",
  ),
  ..."[2002:7f00:9::] [2001:0:7f00:9::] [::1] [::] 0 0.0.0.0 0x0 10.0.0.1 172.16.0.1 172.31.255.255 192.168.0.1".split(
    " ",
  ),
  ..."100.64.0.1 100.100.100.200 192.0.0.192 168.63.129.16 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1".split(
    " ",
  ),
  ..."240.0.0.1 255.255.255.255 169.254.169.254 2852039166 0xa9fea9fe 0251.0376.0251.0376 169.254.43518".split(" "),
  ..."[::ffff:169.254.169.254] [::ffff:a9fe:a9fe] [fd00:ec2::254] [fd20:ce::254] [fe80::1] [fc00::1] [fec0::1]".split(
    " ",
  ),
  ..."[ff02::1] [2001:db8::1] [100::1] [3fff::1] [4000::1]".split(" "),
];
const inOpen = () => open;
const ADDRESSES: Way[] = [
  ...PRIVATE_SPELLINGS.map((text) => ({
    name: `the address ${text}`,
    code: "private_address",
    go: get(() => `${text}:${plain}`, "/", inOpen),
    gate: inOpen,
  })),
  ...[
    "[::1%25lo]",
    "127.0.0.256",
    "1.2.3.4.5",
    "0x7f.0x100.0.1",
    "127.0.0.09",
    "[::1",
    "[1::2::3]",
    "[::ffff:127.1]",
  ].map((text) => ({
    name: `what is no address: ${text}`,
    code: "invalid_host",
    go: get(() => `${text}:${plain}`, "/", inOpen),
    gate: inOpen,
  })),
  ...[
    "inside.test",
    "mixed.test",
    "mapped.test",
    "sixth.test",
    "metadata.test",
    "zero.test",
    "nat64.test",
    "local.test",
  ].map((name) => ({
    name: `the name ${name}, which resolves to what is not public`,
    code: "private_address",
    go: get(() => `${name}:${plain}`, "/", inOpen),
    gate: inOpen,
  })),
  { name: "a listed name that resolves inside", code: "private_address", go: get(() => `inside.test:${plain}`) },
  {
    name: "a listed name with a good and a bad address",
    code: "private_address",
    go: get(() => `mixed.test:${plain}`),
  },
  {
    name: "a listed name that resolves to a metadata address which the operator permits",
    code: "private_address",
    go: get(() => `metadata.test:${plain}`),
  },
  {
    name: "CONNECT to a private address in open mode",
    code: "private_address",
    go: connectTo(() => `0177.0.0.011:${tls}`, undefined, inOpen),
    gate: inOpen,
  },
  {
    name: "a name that does not exist",
    code: "name_not_resolved",
    go: get(() => `localhost:${plain}`, "/", inOpen),
    gate: inOpen,
  },
];

const ALL = { HOSTS, FORMS, TUNNELS, OPENED, REDIRECTED, ADDRESSES };

describe.each(Object.entries(ALL))("%s", (_group, ways) => {
  it.each(ways)("$name is refused: $code", async ({ code, go, gate = () => listed }) => {
    const before = gate().decisions.length;
    const answer = await go();
    await expect
      .poll(() =>
        gate()
          .decisions.slice(before)
          .filter((decision) => !decision.allowed),
      )
      .not.toEqual([]);
    const refused = gate()
      .decisions.slice(before)
      .filter((decision) => !decision.allowed);
    expect(
      refused.map((decision) => decision.code),
      JSON.stringify(refused),
    ).toEqual([code]);
    if (typeof answer === "string" && answer.startsWith("HTTP/1.1 ") && !answer.startsWith("HTTP/1.1 200")) {
      expect(egressCode(answer)).toBe(code);
    }
    expect(traps.map((trap) => trap.connections())).toEqual(traps.map(() => 0));
  });
});

describe("the ways that are meant", () => {
  it("are at least sixty around", () => {
    expect(Object.values(ALL).flat().length).toBeGreaterThanOrEqual(60);
  });

  it.each([
    ["upper case", () => `ALLOWED.test:${plain}`],
    ["a trailing dot", () => `allowed.test.:${plain}`],
    ["a wildcard", () => `sub.wild.test:${plain}`],
  ])("%s of an allowed name", async (_name, authority) => {
    expect(await get(authority)()).toContain("hello from 127.0.0.2");
  });

  it("are the same over a redirected connection", async () => {
    const request = () => `GET / HTTP/1.1\r\nHost: ${allowed()}\r\n\r\n`;
    expect(await redirected("allowed.test", () => plain, request)()).toContain("hello from 127.0.0.2");
    expect(await redirected("10.9.8.7", () => plain, request)(), "the name counts, not the address").toContain("hello");
  });

  it("carry a smuggled request as what it is: a body", async () => {
    const before = good.seen.length;
    const smuggled = `GET http://other.test:${plain}/ HTTP/1.1\r\nHost: other.test:${plain}\r\n\r\n`;
    const answer = await raw(
      () =>
        `POST http://${allowed()}/ HTTP/1.1\r\nHost: ${allowed()}\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
    )();
    expect(answer).toContain("hello from 127.0.0.2");
    expect(good.seen.slice(before).map(({ method, body }) => ({ method, body }))).toEqual([
      { method: "POST", body: smuggled },
    ]);
  });

  it("decide a redirect's goal anew", async () => {
    good.answer = (_request, response) =>
      void response.writeHead(302, { location: `http://other.test:${plain}/` }).end();
    const answer = await get(allowed)();
    expect(answer).toMatch(/^HTTP\/1.1 302/);
    const goal = /^location: http:\/\/([^/]+)\//im.exec(answer)?.[1] ?? "";
    expect(egressCode(await get(() => goal)())).toBe("not_in_allow_list");
  });

  it("connect to the address that was checked, whatever the name resolves to next", async () => {
    const answers = ["127.0.0.2", "127.0.0.9"];
    world.dns.set("rebind.test", () => [answers.length > 1 ? (answers.shift() ?? "") : (answers[0] ?? "")]);
    good.answer = (_request, response) => void response.end("hello from 127.0.0.2");
    const gate = await world.open({ mode: "open" }, { permitAddresses: ["127.0.0.2/32"] });
    const socket = await gate.connect();
    const answer = await talk(
      socket,
      `GET http://rebind.test:${plain}/ HTTP/1.1\r\nHost: rebind.test:${plain}\r\n\r\n`,
    );
    // Both questions (A and AAAA, and one more connection) get an answer that is checked before use: either the good address was used, or nothing.
    expect(answer).toMatch(/hello from 127\.0\.0\.2|private_address/);
    const again = await talk(
      await gate.connect(),
      `GET http://rebind.test:${plain}/ HTTP/1.1\r\nHost: rebind.test:${plain}\r\n\r\n`,
    );
    expect(egressCode(again) ?? "private_address").toBe("private_address");
    expect(traps.map((trap) => trap.connections())).toEqual(traps.map(() => 0));
  });
});
