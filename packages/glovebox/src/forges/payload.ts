import { GloveboxError } from "../core/index.ts";
import type { RawDelivery } from "./delivery.ts";

/** Deeper than anything that forges send, and flat enough for every function that walks through it. */
const MAX_DEPTH = 64;

/** One value of a header; `undefined` when it is missing or there several times. */
export function headerOf(raw: RawDelivery, name: string): string | undefined {
  const value = raw.headers[name];
  return typeof value === "string" ? value : undefined;
}

/** The JSON object of a delivery, as it is or as the field `payload` of a form. `invalid_argument` when it is none. */
export function readPayload(raw: RawDelivery): Readonly<Record<string, unknown>> {
  const type = (headerOf(raw, "content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase();
  const text = raw.body.toString("utf8");
  if (type === "application/json") return parseObject(text);
  if (type === "application/x-www-form-urlencoded") return parseObject(new URLSearchParams(text).get("payload") ?? "");
  throw malformed("the body must be application/json or a form with a field `payload`");
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  if (depthOf(text) > MAX_DEPTH) throw malformed(`it is nested deeper than ${MAX_DEPTH}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed("it is no JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed("it is no JSON object");
  return value as Readonly<Record<string, unknown>>;
}

/** How deep the brackets of a JSON text go, without parsing it. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = endOfString(text, at);
    else if (code === 0x7b || code === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
  return deepest;
}

function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x5c) at += 1;
    else if (code === 0x22) return at;
  }
  return text.length;
}

export function malformed(reason: string): GloveboxError {
  return new GloveboxError("invalid_argument", `not a delivery of a webhook: ${reason}`, { details: { in: "body" } });
}
