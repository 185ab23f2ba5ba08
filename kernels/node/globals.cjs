"use strict";
/** What the kernel puts in place of Node's own: console, exit, `require`, and streams that keep their order. */
const { format, inspect } = require("node:util");

const EXIT = Object.assign(new Error("the program asked to exit"), { name: "ExitRequest", stack: "" });
const MAX_ARGS_CHARS = 16 * 1024;

function install(kernel, maxText) {
  installConsole(kernel, maxText);
  installStreams();
  installExit(kernel);
  installRequire(kernel);
  kernel.uncaught = (error) => {
    if (error === EXIT) return;
    // Code of an earlier request, with no one to answer: it is told on stderr, and the state stays.
    if (!kernel.fail(error)) process.stderr.write(`Uncaught ${inspect(error)}\n`);
  };
}

/** The other methods of console (table, dir, count, time…) end in these. */
const LEVELS = { log: "log", info: "info", warn: "warn", error: "error", debug: "debug", trace: "error" };

function installConsole(kernel, maxText) {
  const mode = kernel.options.console;
  let indent = "";
  const emit = {
    off: () => {},
    stdio: (level, text) => {
      const stream = level === "warn" || level === "error" ? process.stderr : process.stdout;
      stream.write(`${text}\n`);
    },
    events: (level, text, args) => {
      const id = kernel.request?.id;
      if (id === undefined) return emit.stdio(level, text);
      const shown = text.length > maxText ? `${text.slice(0, maxText)}\u2026` : text;
      kernel.send({ t: "console", id, level, text: shown, ...structured(args) });
    },
  };
  const say = emit[mode] ?? emit.events;
  const write = (level, args) => {
    const text = format(...args);
    say(level, indent === "" ? text : indent + text.replaceAll("\n", `\n${indent}`), args);
  };
  for (const [method, level] of Object.entries(LEVELS)) console[method] = (...args) => write(level, args);
  console.trace = (...args) => {
    const holder = {};
    Error.captureStackTrace(holder, console.trace);
    write("error", [`Trace: ${format(...args)}\n${holder.stack.split("\n").slice(1).join("\n")}`]);
  };
  console.dir = (value, options) => write("log", [inspect(value, { customInspect: false, ...options })]);
  console.group = (...args) => {
    if (args.length > 0) write("log", args);
    indent += "  ";
  };
  console.groupCollapsed = console.group;
  console.groupEnd = () => {
    indent = indent.slice(2);
  };
}

/** The arguments themselves, where they are data and say more than the text. */
function structured(args) {
  if (args.every((arg) => typeof arg === "string")) return {};
  const { NOT_JSON, toJson } = require("./values.cjs");
  const data = toJson(args, MAX_ARGS_CHARS);
  return data === NOT_JSON ? {} : { args: data };
}

/** Writes to a pipe wait for its reader, so that output comes before the answer and is not lost at an exit. */
function installStreams() {
  for (const name of ["stdout", "stderr"]) {
    const { get } = Object.getOwnPropertyDescriptor(process, name);
    let stream;
    Object.defineProperty(process, name, {
      configurable: true,
      enumerable: true,
      get() {
        if (stream === undefined) {
          stream = get.call(process);
          stream._handle?.setBlocking?.(true);
        }
        return stream;
      },
    });
  }
}

function installExit(kernel) {
  process.exit = (code = process.exitCode) => {
    const status = Number(code ?? 0);
    process.exitCode = undefined;
    kernel.requestExit(Number.isInteger(status) ? status & 255 : 1);
    throw EXIT;
  };
}

/** `require`, `module` and `exports` as in Node's own REPL, made when first asked for. */
function installRequire(kernel) {
  const lazily = (name, make) => {
    const define = (value) =>
      Object.defineProperty(globalThis, name, { configurable: true, enumerable: false, writable: true, value });
    Object.defineProperty(globalThis, name, {
      configurable: true,
      enumerable: false,
      get: () => {
        const value = make();
        define(value);
        return value;
      },
      set: define,
    });
  };
  const module = { exports: {} };
  lazily("require", () => require("./modules.cjs").requireFrom(kernel));
  lazily("module", () => module);
  lazily("exports", () => module.exports);
}

module.exports = { EXIT, install };
