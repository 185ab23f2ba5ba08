import { isIPv6 } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromBytes, parseAddress } from "./address.ts";
import { createAddressPolicy } from "./address-policy.ts";
import { parseAuthority, parseHost } from "./host.ts";

const quad = fc.uint8Array({ minLength: 4, maxLength: 4 });
const sixteen = fc.uint8Array({ minLength: 16, maxLength: 16 });
const number = (bytes: Uint8Array) => bytes.reduce((sum, byte) => sum * 256 + byte, 0);

describe("an address", () => {
  it("is the same from its one spelling", () => {
    fc.assert(
      fc.property(fc.oneof(quad, sixteen), (bytes) => {
        const address = fromBytes(bytes);
        expect(parseAddress(address.text)).toEqual(address);
      }),
    );
  });

  it("of IPv6 is spelt as URLs spell it", () => {
    fc.assert(
      fc.property(sixteen, (bytes) => {
        const address = fromBytes(bytes);
        if (address.family === 6) expect(new URL(`http://[${address.text}]/`).hostname).toBe(`[${address.text}]`);
      }),
    );
  });

  it("of IPv4 is the same in every spelling", () => {
    fc.assert(
      fc.property(quad, (bytes) => {
        const [a = 0, b = 0, c = 0, d = 0] = bytes;
        const spellings = [
          String(number(bytes)),
          `0x${number(bytes).toString(16)}`,
          `0${number(bytes).toString(8)}`,
          [...bytes].map((byte) => `0x${byte.toString(16)}`).join("."),
          [...bytes].map((byte) => `0${byte.toString(8)}`).join("."),
          `${a}.${b}.${c * 256 + d}`,
          `${a}.${b * 65_536 + c * 256 + d}`,
          `${bytes.join(".")}.`,
          `[::ffff:${bytes.join(".")}]`,
          `::ffff:${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`,
        ];
        for (const text of spellings) expect(parseHost(text)?.text, text).toBe(bytes.join("."));
      }),
    );
  });

  it("is never read where Node reads none", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9a-f:.]{1,40}$/), (text) => {
        const address = parseAddress(text);
        if (text.includes(":")) expect(address !== undefined).toBe(isIPv6(text));
      }),
    );
  });
});

describe("a host", () => {
  it("is in one spelling, and parsing that again changes nothing", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "grapheme" }), fc.domain(), fc.ipV4Extended(), fc.ipV6()), (text) => {
        const host = parseHost(text);
        if (host !== undefined) expect(parseHost(host.text)).toEqual(host);
      }),
    );
  });

  it("never holds what could end it in a URL", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 40 }), (text) => {
        expect(parseHost(text)?.text ?? "").toMatch(/^[a-z0-9._:-]*$/);
      }),
    );
  });

  it.each([
    ["EXAMPLE.Test.", "example.test"],
    ["bücher.test", "xn--bcher-kva.test"],
    ["ｅｘａｍｐｌｅ．test", "example.test"],
    ["１２７．0．0．1", "127.0.0.1"],
    ["exam\u00adple.test", "example.test"],
  ])("%s is %s", (text, expected) => {
    expect(parseHost(text)?.text).toBe(expected);
  });

  it("with a port is both", () => {
    fc.assert(
      fc.property(fc.domain(), fc.integer({ min: 1, max: 65_535 }), (name, port) => {
        expect(parseAuthority(`${name}:${port}`)).toEqual({ host: parseHost(name), port });
      }),
    );
  });
});

describe("the policy", () => {
  const strict = createAddressPolicy();
  const refuses = (text: string, policy = strict) => {
    const address = parseAddress(text);
    if (address === undefined) throw new Error(`no address: ${text}`);
    return policy.refuses(address);
  };

  it.each(["93.184.216.34", "1.1.1.1", "2606:4700::1111", "64:ff9b::1.1.1.1", "172.32.0.1", "11.0.0.1"])(
    "lets %s pass",
    (text) => {
      expect(refuses(text)).toBeUndefined();
    },
  );

  it("refuses IPv4 carried in IPv6 wherever it refuses IPv4", () => {
    fc.assert(
      fc.property(quad, (bytes) => {
        const text = bytes.join(".");
        expect(refuses(`::ffff:${text}`)).toBe(refuses(text));
        expect(refuses(`64:ff9b::${text}`)).toBe(refuses(text));
      }),
    );
  });

  it("permits what the operator lists, but never link-local and metadata addresses", () => {
    const all = createAddressPolicy(["0.0.0.0/0", "::/0"]);
    for (const text of ["10.0.0.1", "127.0.0.1", "::1", "fc00::1"]) expect(refuses(text, all)).toBeUndefined();
    for (const text of [
      "169.254.169.254",
      "fe80::1",
      "fd00:ec2::254",
      "100.100.100.200",
      "0.0.0.0",
      "64:ff9b::a9fe:a9fe",
    ]) {
      expect(refuses(text, all)).toBeDefined();
    }
  });

  it.each(["10.0.0.0/33", "x", "10.0.0.0/8/8", "::/129", "10.0.0.0/-1"])("knows that %s is no range", (text) => {
    expect(() => createAddressPolicy([text])).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });
});
