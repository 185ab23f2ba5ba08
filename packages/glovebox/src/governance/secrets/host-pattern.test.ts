import fc from "fast-check";
import { expect, test } from "vitest";
import { normalizeHostPattern } from "./host-pattern.ts";

test.each([
  ["api.example.com", "api.example.com"],
  ["API.Example.COM:8443", "api.example.com:8443"],
  ["*.example.com", "*.example.com"],
  ["*.example.com:443", "*.example.com:443"],
  ["localhost:3000", "localhost:3000"],
  ["127.0.0.1:8080", "127.0.0.1:8080"],
  ["xn--bcher-kva.example", "xn--bcher-kva.example"],
  ["a_b.example", "a_b.example"],
])("%s is %s", (given, expected) => {
  expect(normalizeHostPattern(given)).toBe(expected);
});

test.each([
  ...["", "*", "*.", "*.com", "*.*.example.com", "a.*.example.com", "*example.com", ".example.com", "example.com."],
  ...["example.com:", "example.com:0", "example.com:65536", "example.com:443:1", "example.com:x", "[::1]:443", "::1"],
  ...["https://example.com", "example.com/path", "user@example.com", "bücher.example", "a b.example", "a\n.example"],
  ...["1.2.3", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.0.0.01", "*.0.0.1", "256.1.1.1", "example.0x1"],
  ...[`${"a".repeat(64)}.example`, `${"a.".repeat(127)}example`, "-a.example", "a-.example", "a..example"],
])("%j is no host that a secret can be bound to", (given) => {
  expect(() => normalizeHostPattern(given)).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
});

test("whatever is taken has one spelling, which is taken as it is", () => {
  const label = fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9-]{0,8}$/);
  const host = fc.tuple(
    fc.constantFrom("", "*."),
    fc.array(label, { minLength: 1, maxLength: 4 }),
    fc.constantFrom("", ":80"),
  );
  const anything = fc.oneof(
    host.map(([star, labels, port]) => star + labels.join(".") + port),
    fc.string({ maxLength: 40 }),
  );
  fc.assert(
    fc.property(anything, (text) => {
      let normal: string;
      try {
        normal = normalizeHostPattern(text);
      } catch {
        return true;
      }
      return (
        normalizeHostPattern(normal) === normal && normal === normal.toLowerCase() && /^[a-z0-9.*:_-]+$/.test(normal)
      );
    }),
    { numRuns: 2000 },
  );
});
