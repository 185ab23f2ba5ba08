"use strict";
/**
 * Imports in REPL input, which is a script: a statement becomes a declaration from an awaited call, `import(…)` a call
 * of ours that resolves from the folder where the kernel is. Lines stay where they are.
 */
const { tokens } = require("./scanner.cjs");
const modules = require("./modules.cjs");

const CALL = "glovebox_import";

function rewrite(code, kernel) {
  const list = tokens(code);
  const edits = [];
  for (const [index, token] of list.entries()) {
    if (token.type !== "word" || token.text !== "import" || list[index - 1]?.text === ".") continue;
    const after = list[index + 1];
    if (after?.text === "(") {
      if (!isMethod(list, index + 1)) edits.push({ start: token.start, end: token.end, text: CALL });
    } else if (token.depth === 0 && after !== undefined && after.text !== ".") {
      const edit = statement(list, index, code);
      if (edit !== undefined) edits.push(edit);
    }
  }
  if (edits.length === 0) return code;
  install(kernel);
  let result = "";
  let at = 0;
  for (const { start, end, text } of edits) {
    result += code.slice(at, start) + text;
    at = end;
  }
  return result + code.slice(at);
}

/** `import(a) {` in a class or an object is a method of that name. */
function isMethod(list, open) {
  const close = list.findIndex(
    (token, index) => index > open && token.text === ")" && token.depth === list[open].depth,
  );
  return close >= 0 && list[close + 1]?.text === "{";
}

/** The edit for the statement whose `import` is at `index`; undefined when it is none, so that V8 says what is wrong. */
function statement(list, index, code) {
  let at = index + 1;
  const names = [];
  let whole;
  while (list[at] !== undefined && list[at].type !== "string") {
    const token = list[at];
    if (token.text === "*") {
      if (list[at + 1]?.text !== "as" || list[at + 2]?.type !== "word") return undefined;
      whole = list[at + 2].text;
      at += 3;
    } else if (token.text === "{") {
      const close = list.findIndex((other, place) => place > at && other.text === "}");
      if (close < 0) return undefined;
      names.push(...named(list.slice(at + 1, close)));
      at = close + 1;
    } else {
      if (token.type === "word" && token.text !== "from") names.push(`default: ${token.text}`);
      else if (token.text !== "," && token.text !== "from") return undefined;
      at += 1;
    }
  }
  const specifier = list[at];
  if (specifier === undefined) return undefined;
  let end = specifier.end;
  let options = "";
  if (list[at + 1]?.text === "with" && list[at + 2]?.text === "{") {
    const close = list.findIndex((token, place) => place > at + 2 && token.text === "}");
    if (close < 0) return undefined;
    end = list[close].end;
    options = `, {with: ${code.slice(list[at + 2].start, end)}}`;
  }
  const call = `await ${CALL}(${specifier.text}${options})`;
  const lines = "\n".repeat(code.slice(list[index].start, end).split("\n").length - 1);
  return { start: list[index].start, end, text: `${declaration(names, whole, call)};${lines}` };
}

function declaration(names, whole, call) {
  if (whole !== undefined)
    return `const ${whole} = ${call}${names.length > 0 ? `, {${names.join(", ")}} = ${whole}` : ""}`;
  return names.length > 0 ? `const {${names.join(", ")}} = ${call}` : `void ${call}`;
}

/** `a, b as c` as the parts of a destructuring: `a`, `b: c`. */
function named(list) {
  const parts = [];
  for (let at = 0; at < list.length; at++) {
    if (list[at].text === ",") continue;
    if (list[at + 1]?.text === "as") {
      parts.push(`${list[at].text}: ${list[at + 2]?.text ?? ""}`);
      at += 2;
    } else parts.push(list[at].text);
  }
  return parts;
}

function install(kernel) {
  if (Object.hasOwn(globalThis, CALL)) return;
  modules.install(kernel);
  Object.defineProperty(globalThis, CALL, {
    value: (specifier, options) => import(modules.FROM_INPUT + specifier, options),
  });
}

module.exports = { rewrite };
