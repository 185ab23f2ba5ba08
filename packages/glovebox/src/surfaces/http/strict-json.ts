import { isUtf8 } from "node:buffer";
import { GloveboxError } from "../../core/index.ts";

/** Arrays and objects within each other. Nothing that the API takes comes near it. */
const MAX_DEPTH = 64;
/** Values in all arrays and objects together: what is checked value by value must not take seconds. */
const MAX_VALUES = 100_000;
const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
/** Fields that carry text for programs, where NUL is as good as any character. */
const RAW_TEXT_FIELDS: ReadonlySet<string> = new Set(["stdin", "text", "content"]);

/**
 * Parses a JSON body from an untrusted client, more strictly than `JSON.parse`: it must be UTF-8, nest at most 64 deep, have at most 100,000 values, no
 * duplicate keys, none named `__proto__`, and no NUL in strings other than program text. All else is `invalid_argument`.
 */
export function parseStrictJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw refuse("the body is not UTF-8");
  const text = bytes.toString("utf8");
  checkShape(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refuse("the body is not JSON");
  }
  checkKeys(text);
  if (text.includes("\\u0000")) checkNul(value, "");
  return value;
}

function refuse(message: string, path = ""): GloveboxError {
  return new GloveboxError("invalid_argument", message, { details: { in: "body", path } });
}

/** Before parsing, so that neither a tower of brackets nor a flood of values gets to anything that walks them. */
function checkShape(text: string): void {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) at = stringEnd(text, at);
    else if (char === COMMA) {
      values += 1;
      if (values > MAX_VALUES) throw refuse(`the body has more than ${MAX_VALUES} values`);
    } else if (char === 0x7b || char === 0x5b) {
      depth += 1;
      if (depth > MAX_DEPTH) throw refuse(`the body nests more than ${MAX_DEPTH} deep`);
    } else if (char === 0x7d || char === 0x5d) depth -= 1;
  }
}

/** The index of the quote that ends the string that starts at `from`, or the text's end. */
function stringEnd(text: string, from: number): number {
  let at = text.indexOf('"', from + 1);
  while (at !== -1) {
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return at;
    at = text.indexOf('"', at + 1);
  }
  return text.length;
}

/** In a text that is known to be JSON: which value wins among duplicates differs between parsers, so none does. */
function checkKeys(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === 0x7b) open.push(new Set());
    else if (char === 0x5b) open.push(undefined);
    else if (char === 0x7d || char === 0x5d) open.pop();
    else if (char === QUOTE) {
      const end = stringEnd(text, at);
      const keys = open.at(-1);
      if (keys !== undefined && isFollowedByColon(text, end)) addKey(keys, text.slice(at, end + 1));
      at = end;
    }
  }
}

function isFollowedByColon(text: string, end: number): boolean {
  let at = end + 1;
  while (at < text.length && text.charCodeAt(at) <= 0x20) at += 1;
  return text.charCodeAt(at) === 0x3a;
}

function addKey(keys: Set<string>, quoted: string): void {
  const key = quoted.includes("\\") ? String(JSON.parse(quoted)) : quoted.slice(1, -1);
  const shown = key.slice(0, 100);
  if (key === "__proto__") throw refuse("a key named __proto__ is not allowed", shown);
  if (keys.has(key)) throw refuse("the same key occurs twice in an object", shown);
  keys.add(key);
}

function checkNul(value: unknown, path: string): void {
  if (typeof value === "string") {
    if (value.includes("\0")) throw refuse("must not contain NUL", path);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      if (key.includes("\0")) throw refuse("a key must not contain NUL", path);
      if (typeof item === "string" && RAW_TEXT_FIELDS.has(key)) continue;
      checkNul(item, path === "" ? key : `${path}.${key}`);
    }
  }
}
