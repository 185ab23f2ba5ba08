"use strict";
/** REPL input as V8's REPL mode can take it: without types, with imports as calls, object literals as expressions. */
const vm = require("node:vm");

function prepare(source, request, kernel) {
  let code = request.options.language === "typescript" ? require("./typescript.cjs").strip(source) : source;
  if (code.includes("import")) code = require("./imports.cjs").rewrite(code, kernel);
  // `{a: 1}` is meant as an object and not as a block with a label.
  if (/^\s*\{/.test(code) && !/;\s*$/.test(code) && isExpression(code)) return `(${code})`;
  return code;
}

function isExpression(code) {
  try {
    new vm.Script(`(async()=>(${code}\n))`);
    return true;
  } catch {
    return false;
  }
}

module.exports = { prepare };
