import { GloveboxError } from "../../core/index.ts";
import type { KernelMessage } from "../kernel-message.ts";
import { nestsWithin, wellFormed } from "./json-bounds.ts";

/** The deepest nesting of arrays and objects in a message. */
export const MAX_DEPTH = 128;
export const MAX_PREVIEW_CHARS = 4096;
/** JSON of a value, as text, at most. */
export const MAX_JSON_CHARS = 256 * 1024;
const MAX_NAME_CHARS = 256;
const MAX_MIME_FORMS = 32;

const LEVELS = ["log", "info", "warn", "error", "debug"] as const;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

type Fields = Readonly<Record<string, unknown>>;

/**
 * One line of control output, without its newline, as a message with the fields of its kind and no others. Errors:
 * `invalid_argument` when it is not one of the protocol's messages.
 */
export function parseMessage(line: Uint8Array): KernelMessage {
  const text = decoder.decode(line);
  const marked = text.startsWith("!");
  if (!nestsWithin(text, MAX_DEPTH)) throw breach("is nested too deeply");
  let parsed: unknown;
  try {
    parsed = JSON.parse(marked ? text.slice(1) : text);
  } catch {
    throw breach("is not JSON");
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw breach("is not an object");
  const fields = (text.includes("\\u") ? wellFormed(parsed) : parsed) as Fields;
  if (marked !== (fields.t === "done")) throw breach("is marked as the last one, or is the last one and is not marked");
  switch (fields.t) {
    case "ready":
      return {
        t: "ready",
        language: string(fields, "language", MAX_NAME_CHARS),
        version: string(fields, "version", MAX_NAME_CHARS),
      };
    case "console":
      return parseConsole(fields);
    case "display":
      return { t: "display", id: id(fields), mime: mime(fields) };
    case "value":
      return parseValue(fields, text.length);
    case "exception":
      return parseException(fields);
    case "done":
      return { t: "done", id: id(fields), ...cpuMs(fields) };
    default:
      throw breach("is of no known kind");
  }
}

function parseConsole(fields: Fields): KernelMessage {
  const level = LEVELS.find((known) => known === fields.level);
  if (level === undefined) throw breach("has no known level");
  const { args } = fields;
  if (args !== undefined && !Array.isArray(args)) throw breach("has args that are not a list");
  return { t: "console", id: id(fields), level, text: string(fields, "text"), ...(args && { args }) };
}

function parseValue(fields: Fields, length: number): KernelMessage {
  const type = string(fields, "type", MAX_NAME_CHARS);
  const preview = string(fields, "preview", MAX_PREVIEW_CHARS);
  if (/[\n\r]/.test(preview)) throw breach("has a preview of more than one line");
  if (!Object.hasOwn(fields, "json")) return { t: "value", id: id(fields), type, preview };
  // Escapes make the line longer than what it holds, so only what could be too much is measured.
  if (length > MAX_JSON_CHARS && JSON.stringify(fields.json).length > 2 * MAX_JSON_CHARS) {
    throw breach("has more JSON than a value may have");
  }
  return { t: "value", id: id(fields), type, preview, json: fields.json };
}

function parseException(fields: Fields): KernelMessage {
  const { stack, line, exitCode } = fields;
  return {
    t: "exception",
    id: id(fields),
    name: string(fields, "name", MAX_NAME_CHARS),
    message: string(fields, "message"),
    ...(stack !== undefined && { stack: string(fields, "stack") }),
    ...(line !== undefined && { line: integer(line, "line", 0, 2 ** 31 - 1) }),
    ...(exitCode !== undefined && { exitCode: integer(exitCode, "exitCode", 0, 255) }),
  };
}

function mime(fields: Fields): Readonly<Record<string, string>> {
  const { mime: forms } = fields;
  if (typeof forms !== "object" || forms === null || Array.isArray(forms)) throw breach("has no forms to display");
  const entries = Object.entries(forms);
  if (entries.length > MAX_MIME_FORMS) throw breach("has too many forms to display");
  for (const [name, content] of entries) {
    if (!/^[\w.+-]{1,64}\/[\w.+;= -]{1,190}$/.test(name)) throw breach("has a form of no known kind");
    if (typeof content !== "string") throw breach("has a form that is not text");
  }
  return Object.fromEntries(entries) as Record<string, string>;
}

function cpuMs(fields: Fields): { readonly cpuMs?: number } {
  if (fields.cpuMs === undefined) return {};
  const value = fields.cpuMs;
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) throw breach("has a cpuMs that is no time");
  return { cpuMs: value };
}

function id(fields: Fields): string {
  return string(fields, "id", MAX_NAME_CHARS);
}

function string(fields: Fields, name: string, max = Number.POSITIVE_INFINITY): string {
  const value = fields[name];
  if (typeof value !== "string") throw breach(`has a ${name} that is not text`);
  if (value.length > max) throw breach(`has a ${name} that is too long`);
  return value;
}

function integer(value: unknown, name: string, min: number, max: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw breach(`has a ${name} that is out of range`);
  }
  return value;
}

function breach(what: string): GloveboxError {
  return new GloveboxError("invalid_argument", `a message of the kernel ${what}`);
}
