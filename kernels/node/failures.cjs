"use strict";
/** What was thrown as its message: name, message, stack without the kernel's frames, line, exit code. */
const { readFileSync } = require("node:fs");
const { isInterrupt } = require("./interrupts.cjs");

/** How Node's loaders begin the stack of a syntax error: place, the line, and a caret under it. */
const PLACE = /^[^\n]*:(\d+)\n([^\n]*\n[ ^~]*\n)?/;
const MAX_CAUSES = 8;
const MAX_NAME = 256;
const MAX_MESSAGE = 64 * 1024;
const MAX_STACK = 256 * 1024;

function exited(status) {
  return { t: "exception", id: "", name: "ExitStatus", message: `ended with status ${status}`, exitCode: status };
}

/** `outcome` is `{ error, details? }`, the details being the inspector's, for input that did not compile. */
function describe(outcome, request, kernel) {
  const { error, details } = outcome;
  if (isInterrupt(error)) return { t: "exception", id: "", name: "Interrupted", message: "interrupted" };
  const name = text(error, "name") || (error instanceof Error ? "Error" : "Thrown");
  const message = isErrorLike(error) ? text(error, "message") : shown(error);
  let stack = stackOf(error, kernel);
  let line = lineOf(stack, request.name);
  if (line === undefined && name === "SyntaxError") {
    const found = placeOf(error, request, details);
    line = found.line;
    const rest = stack.replace(/^[^\n]*:\d+\n[\s\S]*?\n\n?(?=\w*SyntaxError)/, "");
    // Node's loaders begin the stack with the place; V8's REPL and parser leave it out.
    if (line !== undefined) stack = `${request.name}:${line}\n${found.excerpt}${rest}`;
  }
  return {
    t: "exception",
    id: "",
    name: cut(name, MAX_NAME),
    message: cut(message, MAX_MESSAGE),
    ...(stack === "" ? {} : { stack: cut(stack, MAX_STACK) }),
    ...(line === undefined ? {} : { line }),
  };
}

function isErrorLike(error) {
  return typeof error === "object" && error !== null && (error instanceof Error || text(error, "stack") !== "");
}

/** A property that should be text; getters that throw, and values that are not text, give "". */
function text(error, name) {
  try {
    const value = error?.[name];
    return typeof value === "string" ? value : "";
  } catch (failure) {
    if (isInterrupt(failure)) throw failure;
    return "";
  }
}

function shown(error) {
  return typeof error === "string" ? error : require("./values.cjs").preview(error);
}

/** The stack without what is below and around user code: this kernel, the inspector, Node's loaders. */
function userFrames(stack, { folder }) {
  return stack
    .split("\n")
    .filter(
      (line) => !/^ {4}at /.test(line) || !(line.includes(folder) || /[( ]node:(internal|inspector|vm)/.test(line)),
    )
    .join("\n");
}

/** The stack with those of its causes. */
function stackOf(error, kernel) {
  const stacks = [];
  for (let at = error, count = 0; isErrorLike(at) && count < MAX_CAUSES; at = causeOf(at), count++) {
    stacks.push(userFrames(text(at, "stack"), kernel));
  }
  return stacks.filter((stack) => stack !== "").join("\n[cause]: ");
}

function causeOf(error) {
  try {
    return error.cause;
  } catch (failure) {
    if (isInterrupt(failure)) throw failure;
    return undefined;
  }
}

/** Where code did not compile: as the inspector says, as the loader says, or as another parser finds. */
function placeOf(error, request, details) {
  const source = request.mode === "file" ? readFile(request.name) : request.source;
  if (details !== undefined) {
    const lines = source.split("\n").length;
    return { line: Math.min(details.lineNumber + 1, lines), excerpt: pointAt(source, details) };
  }
  const told = PLACE.exec(text(error, "stack"));
  if (told !== null) return { line: Number(told[1]), excerpt: told[2] ?? "" };
  try {
    require("./typescript.cjs").strip(source);
  } catch (other) {
    const found = PLACE.exec(text(other, "stack"));
    if (found !== null) return { line: Number(found[1]), excerpt: found[2] ?? "" };
  }
  return { line: undefined, excerpt: "" };
}

function readFile(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** The line of the request's own code in the uppermost frame that lies in it. */
function lineOf(stack, name) {
  const escaped = name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  const found = new RegExp(`${escaped}(?:\\?run=\\d+)?:(\\d+):\\d+`).exec(stack);
  return found === null ? undefined : Number(found[1]);
}

function pointAt(source, { lineNumber, columnNumber }) {
  const line = source.split("\n")[lineNumber];
  if (line === undefined || line.length > 500) return "";
  return `${line}\n${" ".repeat(Math.min(columnNumber, line.length))}^\n`;
}

function cut(value, max) {
  if (value.length <= max) return value;
  return `${value.slice(0, max / 2)}\n... cut ...\n${value.slice(-max / 2)}`;
}

module.exports = { describe, exited };
