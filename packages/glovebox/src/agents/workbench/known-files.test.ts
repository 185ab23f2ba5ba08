import { expect, test } from "vitest";
import { KnownFiles } from "./known-files.ts";

const FILES = [{ path: "a", size: 1, hash: "0".repeat(64), mode: 0o644 }];

test("what was listed while something changed is not known", () => {
  const known = new KnownFiles();
  known.listing([])(FILES);
  expect(known.get([])).toBe(FILES);
  expect(known.get(["node_modules"])).toBeUndefined();
  const change = known.changing();
  expect(known.get([])).toBeUndefined();
  known.listing([])(FILES);
  expect(known.get([])).toBeUndefined();
  const during = known.listing([]);
  change[Symbol.dispose]();
  during(FILES);
  expect(known.get([])).toBeUndefined();
  const before = known.listing([]);
  known.changing()[Symbol.dispose]();
  before(FILES);
  expect(known.get([])).toBeUndefined();
  known.listing([])(FILES);
  expect(known.get([])).toBe(FILES);
});
