import Database from "better-sqlite3";
import fc from "fast-check";
import { expect, test } from "vitest";
import { GloveboxError } from "../../core/index.ts";
import { type Filter, type FilterValue, filterKey, parseFilter } from "./filter.ts";
import { toSql } from "./to-sql.ts";

const keyOf = (input: unknown) => filterKey(parseFilter(input));
const eq = (field: string, value: unknown) => ({ eq: { field, value } });

test("filters that mean the same have the same key", () => {
  const a = eq("kind", "code");
  const b = eq("metadata.language", "python");
  const c = { in: { field: "path", value: ["b", "a", "b"] } };
  expect(keyOf({ and: [a, b, c] })).toBe(keyOf({ and: [{ and: [c, b] }, a, a] }));
  expect(keyOf({ and: [a] })).toBe(keyOf(a));
  expect(keyOf({ not: { not: a } })).toBe(keyOf(a));
  expect(keyOf({ in: { field: "path", value: ["a", "b"] } })).toBe(keyOf(c));
  expect(keyOf("kind=code language=python")).toBe(keyOf({ and: [b, a] }));
  expect(keyOf(JSON.stringify({ and: [b, a] }))).toBe(keyOf({ and: [a, b] }));
  expect(keyOf({ or: [a, b] })).not.toBe(keyOf({ and: [a, b] }));
  expect(keyOf("n=1")).not.toBe(keyOf('n="1"'));
});

test.each([
  ["a text", "filter[0]"],
  ["{oops", "filter"],
  [`kind=${"x".repeat(20_000)}`, "filter"],
  ["kind=code oops", "filter[9]"],
  ["=1", "filter[0]"],
  [[], "filter"],
  [{}, "filter"],
  [{ eq: { field: "kind", value: 1 }, ne: { field: "kind", value: 1 } }, "filter"],
  [{ and: [] }, "filter.and"],
  [{ and: [eq("kind", "code"), { like: 1 }] }, "filter.and[1].like"],
  [{ not: { or: [eq("nothing", 1)] } }, "filter.not.or[0].eq.field"],
  [eq("metadata.a'b", 1), "filter.eq.field"],
  [eq("kind", Number.NaN), "filter.eq.value"],
  [eq("kind", {}), "filter.eq.value"],
  [{ eq: { field: "kind" } }, "filter.eq.value"],
  [{ eq: { field: "kind", value: 1, extra: 2 } }, "filter.eq.extra"],
  [{ lt: { field: "kind", value: true } }, "filter.lt.value"],
  [{ in: { field: "kind", value: "code" } }, "filter.in.value"],
  [{ in: { field: "kind", value: ["a", []] } }, "filter.in.value[1]"],
  [{ in: { field: "kind", value: Array.from({ length: 1_001 }, String) } }, "filter.in.value"],
  [{ and: Array.from({ length: 300 }, () => eq("kind", "x")) }, "filter.and[255]"],
])("%j is refused, naming %s", (input, path) => {
  expect(() => parseFilter(input)).toThrow(
    expect.objectContaining({ code: "filters_invalid", details: { path } }) as GloveboxError,
  );
});

test("a filter that is too deep is refused, not followed", () => {
  let deep: unknown = eq("kind", "code");
  for (let depth = 0; depth < 5_000; depth += 1) deep = { not: deep };
  expect(() => parseFilter(deep)).toThrow(GloveboxError);
});

const values: fc.Arbitrary<FilterValue> = fc.oneof(
  fc.constantFrom("a", "b", "1", "true", "", "it's", '"'),
  fc.integer({ min: -2, max: 2 }),
  fc.boolean(),
  fc.constant(null),
);
const fields = fc.constantFrom("path", "version", "pinned", "metadata.a", "metadata.b", "metadata.c.d");
const leaves = fc.oneof(
  fc.tuple(fc.constantFrom("eq", "ne"), fields, values),
  fc.tuple(
    fc.constantFrom("lt", "le", "gt", "ge"),
    fields,
    fc.oneof(fc.constantFrom("a", "b", "1"), fc.integer({ min: -2, max: 2 })),
  ),
  fc.tuple(fc.constantFrom("in", "nin"), fields, fc.array(values, { maxLength: 4 })),
);
const filters = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    leaves.map(([op, field, value]) => ({ [op]: { field, value } })),
    fc.array(tie("node"), { minLength: 1, maxLength: 3 }).map((and) => ({ and })),
    fc.array(tie("node"), { minLength: 1, maxLength: 3 }).map((or) => ({ or })),
    tie("node").map((not) => ({ not })),
  ),
})).node;
const documents = fc.record({
  path: fc.option(fc.constantFrom("a", "b", "1", "it's"), { nil: null }),
  version: fc.integer({ min: 1, max: 3 }),
  pinned: fc.boolean(),
  metadata: fc.dictionary(fc.constantFrom("a", "b"), values),
  deep: values,
});
type Doc = typeof documents extends fc.Arbitrary<infer T> ? T : never;

/** What a filter means, written down a second time. */
function passes(filter: Filter, document: Doc): boolean {
  if ("and" in filter) return filter.and.every((part) => passes(part, document));
  if ("or" in filter) return filter.or.some((part) => passes(part, document));
  if ("not" in filter) return !passes(filter.not, document);
  const found = fieldOf(filter.field, document);
  if ("values" in filter) return filter.values.includes(found) === (filter.op === "in");
  const { op, value } = filter;
  if (op === "eq" || op === "ne") return (found === value) === (op === "eq");
  if (typeof found !== typeof value || found === null || value === null) return false;
  if (op === "lt") return found < value;
  if (op === "le") return found <= value;
  return op === "gt" ? found > value : found >= value;
}

function fieldOf(field: string, { path, version, pinned, metadata, deep }: Doc): FilterValue {
  const all: Readonly<Record<string, FilterValue>> = { path, version, pinned, "metadata.c.d": deep };
  return field in all ? (all[field] as FilterValue) : (metadata[field.slice("metadata.".length)] ?? null);
}

test("the database finds what a filter means, and reading a filter's own form changes nothing", () => {
  const db = new Database(":memory:");
  db.exec("CREATE TABLE d (path TEXT, pinned INTEGER); CREATE TABLE v (version INTEGER, metadata TEXT)");
  fc.assert(
    fc.property(filters, documents, (input, document) => {
      const filter = parseFilter(input) as Filter;
      db.exec("DELETE FROM d; DELETE FROM v");
      db.prepare("INSERT INTO d VALUES (?, ?)").run(document.path, document.pinned ? 1 : 0);
      const metadata = JSON.stringify({ ...document.metadata, c: { d: document.deep } });
      db.prepare("INSERT INTO v VALUES (?, ?)").run(document.version, metadata);
      const { sql, parameters } = toSql(filter);
      const found = db.prepare(`SELECT 1 FROM d, v WHERE ${sql}`).all(...parameters).length === 1;
      expect(found).toBe(passes(filter, document));
    }),
    { numRuns: 2_000 },
  );
  db.close();
});
