"use strict";
/** A value as its message: type, one-line preview, and JSON where it has one. Bounded whatever the value does. */
const { Buffer } = require("node:buffer");
const { inspect, types } = require("node:util");

const MAX_PREVIEW_BYTES = 4096;
const MAX_JSON_CHARS = 256 * 1024;
const MAX_JSON_DEPTH = 64;

const NOT_JSON = Symbol("not JSON");

function describe(value) {
  const json = toJson(value, MAX_JSON_CHARS);
  const message = { t: "value", id: "", type: typeName(value), preview: preview(value) };
  return json === NOT_JSON ? message : { ...message, json };
}

/** `number`, `null`, `Array`, `Map`…: `typeof` for primitives, the constructor's name for objects. */
function typeName(value) {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  if (types.isProxy(value)) return "Proxy";
  try {
    const { name } = Object.getPrototypeOf(value)?.constructor ?? {};
    return typeof name === "string" && name !== "" ? name.slice(0, 256) : "Object";
  } catch {
    return "Object";
  }
}

function preview(value) {
  let text;
  try {
    text = inspect(value, {
      breakLength: Infinity,
      compact: true,
      depth: 4,
      maxArrayLength: 100,
      maxStringLength: 4096,
    });
  } catch (error) {
    if (error?.code === "ERR_SCRIPT_EXECUTION_INTERRUPTED") throw error;
    text = `[${typeName(value)} that cannot be shown]`;
  }
  return oneLine(text);
}

function oneLine(text) {
  const cut = text.length > MAX_PREVIEW_BYTES;
  const line = text
    .slice(0, MAX_PREVIEW_BYTES)
    .replace(/\s*[\r\n\u2028\u2029]\s*/g, " ")
    .replace(/\p{Cc}/gu, " ")
    .toWellFormed();
  const bytes = Buffer.from(line);
  if (bytes.length <= MAX_PREVIEW_BYTES && !cut) return line;
  return `${new TextDecoder().decode(bytes.subarray(0, MAX_PREVIEW_BYTES - 3), { stream: true })}\u2026`;
}

/** A copy of plain data within the bounds; `NOT_JSON` for anything else, cycles too. */
function toJson(value, maxChars) {
  const state = { room: maxChars };
  try {
    return copy(value, 0, state);
  } catch (error) {
    if (error?.code === "ERR_SCRIPT_EXECUTION_INTERRUPTED") throw error;
    return NOT_JSON;
  }
}

function take(state, chars) {
  state.room -= chars;
  if (state.room < 0) throw NOT_JSON;
}

function copy(value, depth, state) {
  switch (typeof value) {
    case "string":
      take(state, value.length + 2);
      // Escapes can make it six times as long.
      if (value.length > 1024) take(state, JSON.stringify(value).length - value.length - 2);
      return value;
    case "number":
      if (!Number.isFinite(value)) throw NOT_JSON;
      take(state, 20);
      return value;
    case "boolean":
      take(state, 5);
      return value;
    case "object":
      if (value !== null) return copyObject(value, depth, state);
      take(state, 4);
      return null;
    default:
      throw NOT_JSON;
  }
}

function copyObject(value, depth, state) {
  if (depth >= MAX_JSON_DEPTH || types.isProxy(value)) throw NOT_JSON;
  take(state, 2);
  if (Array.isArray(value)) {
    take(state, value.length);
    return Array.from({ length: value.length }, (_, index) => copy(value[index], depth + 1, state));
  }
  if (types.isDate(value)) return copy(value.toISOString(), depth, state);
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw NOT_JSON;
  const result = Object.create(null);
  for (const key of Object.keys(value)) {
    const item = value[key];
    if (item === undefined || typeof item === "function" || typeof item === "symbol") continue; // as JSON.stringify
    take(state, key.length + 4);
    result[key] = copy(item, depth + 1, state);
  }
  return result;
}

module.exports = { NOT_JSON, describe, preview, toJson, typeName };
