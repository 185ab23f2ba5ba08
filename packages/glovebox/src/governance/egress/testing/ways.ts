import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OriginServer } from "./origin-servers.ts";
import { egressCode, startTls, talk, tunnel } from "./talk.ts";
import { createWorld, type TestGate, type World } from "./world.ts";

export let world: World;
/** Ports of plain and TLS origins: the same at every address. */
export let plain = 0;
export let tls = 0;
export let good: OriginServer;
/** Where nothing may arrive: an address that the operator permits but no rule names, and one that nobody permits. */
export const traps: OriginServer[] = [];
export let listed: TestGate;
export let open: TestGate;

/** Sets the stage before the tests of a file, and takes it away after them. */
export function setStage(): void {
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
}

export interface Way {
  readonly name: string;
  /** The refusal's code, as the decision says. */
  readonly code: string;
  readonly go: () => Promise<unknown>;
  readonly gate?: () => TestGate;
}

export const raw =
  (text: string | (() => string), gate = () => listed) =>
  async () =>
    talk(await gate().connect(), typeof text === "string" ? text : text());
/** An ordinary request to the proxy for `http://AUTHORITY/PATH`. */
export const get = (authority: () => string, path = "/", gate = () => listed) =>
  raw(() => `GET http://${authority()}${path} HTTP/1.1\r\nHost: ${authority()}\r\n\r\n`, gate);
export const connectTo =
  (authority: () => string, head?: () => string, gate = () => listed) =>
  async () =>
    tunnel(await gate().connect(), authority(), head?.());
/** A tunnel to `host` on the TLS port, then TLS that names `servername`. */
export const named = (host: string, servername: string | undefined) => async () => {
  const socket = await listed.connect();
  await tunnel(socket, `${host}:${tls}`);
  await expect(
    startTls(socket, { ...(servername === undefined ? {} : { servername }), rejectUnauthorized: false }),
  ).rejects.toThrow();
};
/** A request within opened TLS. */
export const opened = (request: () => string) => async () => {
  const socket = await listed.connect();
  await tunnel(socket, `api.test:${tls}`);
  const ca = listed.gate.authority ?? "";
  return talk(await startTls(socket, { servername: "api.test", ca, ALPNProtocols: ["http/1.1"] }), request());
};
export const openedGet = (path: string) => opened(() => `GET ${path} HTTP/1.1\r\nHost: api.test:${tls}\r\n\r\n`);
export const openedHttp2 = (headers: () => Record<string, string>) => async () => {
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
export const redirected = (host: string, port: () => number, bytes: () => string) => async () => {
  const socket = await listed.connect({ host, port: port() });
  return talk(socket, bytes());
};
export const allowed = () => `allowed.test:${plain}`;
export const head = (text: () => string) => raw(() => `${text()}\r\n\r\n`);

export const inOpen = () => open;

/** Each way leads to a refusal with the code that it names, and nothing reaches a host that is not allowed. */
export function tryWays(group: string, ways: readonly Way[]): void {
  describe(group, () => {
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
}
