import { expect } from "vitest";
import { startTls } from "./testing/talk.ts";
import {
  allowed,
  connectTo,
  get,
  inOpen,
  listed,
  plain,
  redirected,
  setStage,
  tls,
  tryWays,
  type Way,
} from "./testing/ways.ts";

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

setStage();
tryWays("by redirected connections", REDIRECTED);
tryWays("by addresses", ADDRESSES);
