import { describe, expect, it } from "vitest";
import { egressCode, talk } from "./testing/talk.ts";
import {
  allowed,
  get,
  good,
  head,
  plain,
  raw,
  redirected,
  setStage,
  tls,
  traps,
  tryWays,
  type Way,
  world,
} from "./testing/ways.ts";

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

setStage();
tryWays("by the host", HOSTS);
tryWays("by the form of the request", FORMS);

describe("the ways that are meant", () => {
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
