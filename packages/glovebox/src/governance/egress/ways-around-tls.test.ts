import { readAll, tunnel } from "./testing/talk.ts";
import {
  connectTo,
  listed,
  named,
  opened,
  openedGet,
  openedHttp2,
  plain,
  setStage,
  tls,
  tryWays,
  type Way,
} from "./testing/ways.ts";

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

setStage();
tryWays("by tunnels", TUNNELS);
tryWays("within opened TLS", OPENED);
