import { canonicalJson, GloveboxError } from "../../core/index.ts";

export type FilterValue = string | number | boolean | null;

export type Comparison = "eq" | "ne" | "lt" | "le" | "gt" | "ge";

/** A filter over a document's fields, in its one canonical form. */
export type Filter =
  | { readonly and: readonly Filter[] }
  | { readonly or: readonly Filter[] }
  | { readonly not: Filter }
  | { readonly op: Comparison; readonly field: string; readonly value: FilterValue }
  | { readonly op: "in" | "nin"; readonly field: string; readonly values: readonly FilterValue[] };

/** The fields of a document itself; others are `metadata.` and a name, with dots for what lies deeper. */
export const DOCUMENT_FIELDS = ["id", "scope", "kind", "path", "origin", "version", "createdAt", "pinned"] as const;

const COMPARISONS: readonly string[] = ["eq", "ne", "lt", "le", "gt", "ge"];
const MEMBERSHIPS: readonly string[] = ["in", "nin"];
const METADATA_FIELD = /^metadata(\.[A-Za-z0-9_-]{1,64}){1,8}$/;

const MAX_DEPTH = 16;
const MAX_NODES = 256;
const MAX_VALUES = 1_000;
const MAX_TEXT = 4_096;
/** Of the short form. */
const MAX_SHORT = 16_384;

/**
 * Reads a filter: `{and|or: […]}`, `{not: …}`, `{eq|ne|lt|le|gt|ge: {field, value}}`, `{in|nin: {field, value: […]}}`, or the short form `key=value key2=value2` (all must hold; a
 * value with spaces in double quotes). Equivalent filters come out as the same value. `filters_invalid` names the bad node by its path.
 */
export function parseFilter(input: unknown): Filter | undefined {
  if (input === undefined || input === null || input === "") return undefined;
  const counter = { nodes: 0 };
  const filter = typeof input === "string" ? parseText(input, counter) : readNode(input, "filter", 0, counter);
  return canonical(filter);
}

/** The text that equivalent filters share. */
export function filterKey(filter: Filter | undefined): string {
  return filter === undefined ? "" : canonicalJson(filter);
}

function readNode(input: unknown, path: string, depth: number, counter: { nodes: number }): Filter {
  counter.nodes += 1;
  if (counter.nodes > MAX_NODES) throw invalid(path, `a filter has at most ${MAX_NODES} nodes`);
  if (depth > MAX_DEPTH) throw invalid(path, `a filter is at most ${MAX_DEPTH} deep`);
  if (!isRecord(input)) throw invalid(path, "expected an object");
  const keys = Object.keys(input);
  const [key] = keys;
  if (keys.length !== 1 || key === undefined) {
    throw invalid(path, "expected one of and, or, not, eq, ne, lt, le, gt, ge, in, nin");
  }
  const here = `${path}.${key}`;
  const inner = input[key];
  if (key === "and" || key === "or") {
    if (!Array.isArray(inner) || inner.length === 0) throw invalid(here, "expected a list that is not empty");
    const parts = inner.map((part, at) => readNode(part, `${here}[${at}]`, depth + 1, counter));
    return key === "and" ? { and: parts } : { or: parts };
  }
  if (key === "not") return { not: readNode(inner, here, depth + 1, counter) };
  if (COMPARISONS.includes(key)) return readComparison(key as Comparison, inner, here);
  if (MEMBERSHIPS.includes(key)) return readMembership(key as "in" | "nin", inner, here);
  throw invalid(here, `there is no ${key}: use and, or, not, eq, ne, lt, le, gt, ge, in or nin`);
}

function readComparison(op: Comparison, input: unknown, path: string): Filter {
  const { field, value } = operands(input, path);
  const read = readValue(value, `${path}.value`);
  const isOrder = op !== "eq" && op !== "ne";
  if (isOrder && typeof read !== "string" && typeof read !== "number") {
    throw invalid(`${path}.value`, `${op} compares texts or numbers`);
  }
  return { op, field, value: read };
}

function readMembership(op: "in" | "nin", input: unknown, path: string): Filter {
  const { field, value } = operands(input, path);
  if (!Array.isArray(value)) throw invalid(`${path}.value`, "expected a list");
  if (value.length > MAX_VALUES) throw invalid(`${path}.value`, `a list has at most ${MAX_VALUES} values`);
  return { op, field, values: value.map((one, at) => readValue(one, `${path}.value[${at}]`)) };
}

function operands(input: unknown, path: string): { readonly field: string; readonly value: unknown } {
  if (!isRecord(input)) throw invalid(path, "expected {field, value}");
  for (const key of Object.keys(input)) {
    if (key !== "field" && key !== "value") throw invalid(`${path}.${key}`, "expected field and value only");
  }
  if (!("value" in input)) throw invalid(`${path}.value`, "is missing");
  return { field: readField(input.field, `${path}.field`), value: input.value };
}

function readField(field: unknown, path: string): string {
  if (typeof field !== "string") throw invalid(path, "expected the name of a field");
  if ((DOCUMENT_FIELDS as readonly string[]).includes(field) || METADATA_FIELD.test(field)) return field;
  throw invalid(path, `there is no field ${field.slice(0, 80)}: use ${DOCUMENT_FIELDS.join(", ")} or metadata.NAME`);
}

function readValue(value: unknown, path: string): FilterValue {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value === "string" && value.length <= MAX_TEXT) return value;
  throw invalid(path, `expected a text of at most ${MAX_TEXT} characters, a finite number, true, false or null`);
}

/** Where only text can be given, JSON is text that begins with a brace. */
function parseText(text: string, counter: { nodes: number }): Filter {
  if (text.length > MAX_SHORT) throw invalid("filter", `is longer than ${MAX_SHORT} characters`);
  if (!text.trimStart().startsWith("{")) return parseShort(text);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw invalid("filter", "is no JSON");
  }
  return readNode(parsed, "filter", 0, counter);
}

const SHORT = /\s*([A-Za-z_][\w.-]*)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))(?=\s|$)/y;

/** A bare name that is no field of the document means the metadata of that name. Values that read as numbers, `true`, `false` or `null` are those; quoted ones are texts. */
function parseShort(text: string): Filter {
  const parts: Filter[] = [];
  SHORT.lastIndex = 0;
  let at = 0;
  while (at < text.trimEnd().length) {
    SHORT.lastIndex = at;
    const match = SHORT.exec(text);
    if (match === null) throw invalid(`filter[${at}]`, "expected key=value");
    const [all, key = "", quoted, bare = ""] = match;
    const isField = (DOCUMENT_FIELDS as readonly string[]).includes(key) || key.startsWith("metadata.");
    const field = readField(isField ? key : `metadata.${key}`, `filter.${key}`);
    const value = quoted === undefined ? bareValue(bare) : quoted.replaceAll(/\\(.)/g, "$1");
    parts.push({ op: "eq", field, value: readValue(value, `filter.${key}`) });
    if (parts.length > MAX_NODES) throw invalid("filter", `a filter has at most ${MAX_NODES} nodes`);
    at += all.length;
  }
  if (parts.length === 0) throw invalid("filter", "is empty");
  return { and: parts };
}

function bareValue(text: string): FilterValue {
  if (text === "true") return true;
  if (text === "false") return false;
  if (text === "null") return null;
  return /^-?(0|[1-9]\d{0,14})(\.\d{1,15})?$/.test(text) ? Number(text) : text;
}

/** Nested lists of one kind become one, lists are sorted and without repetitions, a list of one is its only part, and two negations are none. */
function canonical(filter: Filter): Filter {
  if ("not" in filter) {
    const inner = canonical(filter.not);
    return "not" in inner ? inner.not : { not: inner };
  }
  if ("and" in filter) return joined("and", filter.and.map(canonical));
  if ("or" in filter) return joined("or", filter.or.map(canonical));
  if ("values" in filter) return { ...filter, values: sorted(filter.values) };
  return filter;
}

function joined(kind: "and" | "or", parts: readonly Filter[]): Filter {
  const flat = parts.flatMap((part) =>
    kind in part ? (part as Record<typeof kind, readonly Filter[]>)[kind] : [part],
  );
  const unique = sorted(flat);
  const [only] = unique;
  if (unique.length === 1 && only !== undefined) return only;
  return kind === "and" ? { and: unique } : { or: unique };
}

function sorted<T>(values: readonly T[]): readonly T[] {
  const byKey = new Map(values.map((value) => [canonicalJson(value), value]));
  return [...byKey.keys()].sort().map((key) => byKey.get(key) as T);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(path: string, why: string): GloveboxError {
  return new GloveboxError("filters_invalid", `${path}: ${why}`, { details: { path } });
}
