// Calls functions with given arguments and says what came of it: as observe.py, which says more. Node's own modules only.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { isDeepStrictEqual } from "node:util";

const MAX_TEXT = 300;
const MAX_ITEMS = 20;

function encode(value, depth = 0) {
  if (depth > 4) throw new Error("deep");
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value) && !Object.is(value, -0)) return value;
  if (typeof value === "string" && value.length <= MAX_TEXT && /^[^\p{C}]*$/u.test(value)) return { text: value };
  if (Array.isArray(value) && value.length <= MAX_ITEMS)
    return { list: Array.from(value, (item) => encode(item, depth + 1)) };
  const isPlain = typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype;
  const entries = isPlain ? Object.entries(value) : [];
  if (!isPlain || entries.length > MAX_ITEMS) throw new Error("no plain value");
  return { dict: entries.map(([key, item]) => [encode(key, depth + 1), encode(item, depth + 1)]) };
}

function decode(value) {
  if (typeof value !== "object" || value === null) return value;
  const [[kind, content]] = Object.entries(value);
  if (kind === "text") return content;
  if (kind === "dict") return Object.fromEntries(content.map(([key, item]) => [decode(key), decode(item)]));
  return content.map(decode);
}

async function call(called, encoded) {
  const args = encoded.map(decode);
  const kept = structuredClone(args);
  let value;
  try {
    value = await called(...args);
  } catch (error) {
    const name = error instanceof Error ? error.constructor.name : typeof error;
    return {
      kind: "raised",
      error: String(name).slice(0, 100),
      message: String(error?.message ?? error).slice(0, MAX_TEXT),
    };
  }
  try {
    return {
      kind: "value",
      value: encode(value),
      type: Array.isArray(value) ? "array" : typeof value,
      kept: isDeepStrictEqual(args, kept),
    };
  } catch {
    return { kind: "other" };
  }
}

const request = JSON.parse(readFileSync(0, "utf8"));
const answer = { imported: false, error: null, calls: [] };
try {
  const module = await import(pathToFileURL(join(request.root, request.path)).href);
  answer.imported = true;
  for (const { name, args } of request.calls)
    answer.calls.push(await call(module[name] ?? module.default?.[name], args));
} catch (error) {
  answer.error = `${error?.constructor?.name}: ${error?.message}`.slice(0, MAX_TEXT);
}
writeFileSync(request.result, JSON.stringify(answer));
process.exit(0);
