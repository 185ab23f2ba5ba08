import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseHost } from "./host.ts";
import { parseNetworkRules } from "./network-rules.ts";
import { normalizePath } from "./request-path.ts";
import { parseRule } from "./rule.ts";
import { network } from "./testing/world.ts";

const host = (text: string) => parseHost(text) ?? expect.fail(`no host: ${text}`);
const rules = (allow: string[], exempt: string[] = [], mode: "allowlist" | "open" | "none" = "allowlist") =>
  parseNetworkRules(network({ mode, allow, exempt }));
const asks = (list: ReturnType<typeof rules>, method: string, url: string) => {
  const match = /^(https?):\/\/([^/:]+):?(\d*)(\/.*)$/.exec(url) ?? expect.fail(url);
  const scheme = match[1] === "http" ? "http" : "https";
  const port = Number(match[3]) || (scheme === "http" ? 80 : 443);
  return list.request({ scheme, host: host(match[2] ?? ""), port, method, rawPath: match[4] ?? "" }).code;
};

describe("rules", () => {
  it.each([
    ["a.test", "GET", "https://a.test/x", "allowed"],
    ["a.test", "GET", "http://a.test/x", "allowed"],
    ["a.test", "GET", "https://a.test:8443/x", "not_in_allow_list"],
    ["a.test:8443", "GET", "https://a.test:8443/x", "allowed"],
    ["*.a.test", "GET", "https://b.c.a.test/x", "allowed"],
    ["*.a.test", "GET", "https://a.test/x", "not_in_allow_list"],
    ["https://a.test/v1/*", "PUT", "https://a.test/v1/x", "allowed"],
    ["https://a.test/v1/*", "PUT", "https://a.test/v1", "request_not_allowed"],
    ["https://a.test/v1", "GET", "https://a.test/v1/", "request_not_allowed"],
    ["https://a.test", "GET", "https://a.test/any%2fthing", "allowed"],
    ["GET https://a.test/v1", "HEAD", "https://a.test/v1", "allowed"],
    ["GET,POST https://a.test/v1", "POST", "https://a.test/v1", "allowed"],
    ["HEAD https://a.test/v1", "GET", "https://a.test/v1", "request_not_allowed"],
    ["https://a.test/%7euser", "GET", "https://a.test/~user", "allowed"],
    ["https://a.test/v1", "GET", "http://a.test/v1", "not_in_allow_list"],
    ["https://*.a.test/v1", "GET", "https://b.a.test/v1", "allowed"],
    ["http://a.test/v1", "GET", "http://a.test/v1", "allowed"],
  ])("%s: %s %s is %s", (rule, method, url, code) => {
    expect(asks(rules([rule]), method, url)).toBe(code);
  });

  it("about requests decide alone where they name a host", () => {
    const list = rules(["*.a.test", "GET https://api.a.test/v1/*"]);
    expect(asks(list, "POST", "https://api.a.test/v1/x")).toBe("request_not_allowed");
    expect(asks(list, "POST", "https://www.a.test/v1/x")).toBe("allowed");
    const open = rules(["GET https://api.a.test/v1/*"], [], "open");
    expect(asks(open, "POST", "https://api.a.test/v1/x")).toBe("request_not_allowed");
    expect(asks(open, "POST", "https://b.test/")).toBe("allowed");
  });

  it("without a network allow nothing", () => {
    expect(asks(rules(["a.test"], [], "none"), "GET", "https://a.test/")).toBe("network_off");
  });

  it("let raw tunnels through on ports that they name, never on 443", () => {
    const list = rules(["a.test", "b.test:22", "c.test:443"]);
    expect([list.allowsRawTunnel(host("a.test"), 443), list.allowsRawTunnel(host("a.test"), 80)]).toEqual([
      false,
      false,
    ]);
    expect([list.allowsRawTunnel(host("b.test"), 22), list.allowsRawTunnel(host("c.test"), 443)]).toEqual([
      true,
      false,
    ]);
    expect(rules(["GET https://a.test:8443/x"]).allowsRawTunnel(host("a.test"), 8443)).toBe(false);
  });

  it.each([
    "",
    "*",
    "*.",
    "a.test:0",
    "a.test:65536",
    "a.test/x",
    "user@a.test",
    "ftp://a.test/",
    "get https://a.test/",
    "GET a.test",
    "BREW https://a.test/",
    "https://a.test/a/../b",
    "https://a.test/a*b",
    "https://a.test/?q",
    "https://a.test/%2f",
    "*.127.0.0.1",
    "a..test",
    "**.a.test",
    "a.*.test",
    "CONNECT https://a.test/",
    "https://u:p@a.test/",
    "10.0.0.0/8",
  ])("that do not parse name their place: %j", (text) => {
    expect(() => rules(["fine.test", text])).toThrow(
      expect.objectContaining({ code: "invalid_argument", details: { path: "network.allow.1" } }),
    );
  });

  it("and exemptions that contradict each other are refused", () => {
    for (const exempt of ["a.test", "*.test", "a.test:443"]) {
      expect(() => rules(["GET https://a.test/x"], [exempt])).toThrow(
        expect.objectContaining({ code: "invalid_argument", details: { path: "network.exempt.0" } }),
      );
    }
    expect(() => rules([], ["https://a.test/x"])).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    expect(rules(["a.test"], ["a.test"]).isExempt(host("a.test"), 443)).toBe(true);
  });

  it("either parse or say why, whatever the text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "grapheme" }), fc.webUrl(), fc.domain()), (text) => {
        const parsed = parseRule(text);
        if ("problem" in parsed) expect(parsed.problem).not.toBe("");
        else expect(parseHost(parsed.value.pattern.host.text)).toEqual(parsed.value.pattern.host);
      }),
    );
  });

  it("name a host and nothing that only resembles it", () => {
    fc.assert(
      fc.property(fc.domain(), fc.domain(), (a, b) => {
        const list = rules([a]);
        expect(list.connection(host(a), 443).allowed).toBe(true);
        expect(list.connection(host(b), 443).allowed).toBe(host(a).text === host(b).text);
        expect(list.connection(host(`x.${a}`), 443).allowed).toBe(false);
        expect(rules([`*.${a}`]).connection(host(`x.${a}`), 443).allowed).toBe(true);
      }),
    );
  });
});

describe("a path", () => {
  it("in its one form has no dot segment, and is its own form", () => {
    const piece = fc.constantFrom(
      "/",
      ".",
      "..",
      "%2e",
      "%2E",
      "%2f",
      "%5c",
      "a",
      "%61",
      "%25",
      ";",
      "%3b",
      "\\",
      "%",
      "%zz",
      "é",
      "//",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const normal = normalizePath(`/${pieces.join("")}`);
        if ("ambiguous" in normal) return;
        expect(normalizePath(normal.path)).toEqual(normal);
        expect(new URL(`http://a.test${normal.path}`).pathname).toBe(normal.path);
        expect(normal.path.replaceAll("%2E", ".").split("/")).not.toContain("..");
      }),
      { numRuns: 2_000 },
    );
  });
});
