"use strict";
/**
 * The JavaScript and TypeScript kernel: runs requests from fd 3, answers on fd 4 (docs/reference/kernel-protocol.md).
 *
 * V8's own REPL mode, reached through the in-process inspector, evaluates input: top-level await, redeclaration and
 * completion values are then the engine's and not a rewriting of ours. Code runs inside `guarded`, where SIGINT
 * terminates it and leaves the state; what waits for something is watched by `interrupts.cjs`. User code shares this
 * process: nothing here is a wall. Modules beside this file are loaded when first needed, to start fast.
 */
const { Buffer } = require("node:buffer");
const { writeSync } = require("node:fs");
const { Session } = require("node:inspector");
const { Socket } = require("node:net");
const { types } = require("node:util");
const vm = require("node:vm");
const interrupts = require("./interrupts.cjs");

const CONTROL_OUT = 4;
const MAX_TEXT_CHARS = 1024 * 1024;
const options = parseOptions(process.env.GLOVEBOX_KERNEL_OPTIONS);
delete process.env.GLOVEBOX_KERNEL_OPTIONS;
const loadsAll = process.env.GLOVEBOX_KERNEL_LOAD !== undefined;
delete process.env.GLOVEBOX_KERNEL_LOAD;

const session = new Session();
session.connect();

/** The request that runs: `{ id, name, mode, options, source, cpu, outcome?, exit?, waiting }`. */
let current;
const queue = [];
let inputs = 0;
const pump = process._tickCallback;
const { then } = Promise.prototype;

const kernel = {
  options,
  workspace: process.cwd(),
  folder: __dirname,
  session,
  send,
  guarded,
  get request() {
    return current;
  },
  fail,
  settleSoon,
};

function parseOptions(text) {
  try {
    return { esm: true, strict: false, console: "events", ...JSON.parse(text ?? "{}") };
  } catch {
    return { esm: true, strict: false, console: "events" };
  }
}

/** Writes one message. The pipe may be full and not wait for its reader. */
function send(message, mark = "") {
  const data = Buffer.from(`${mark}${JSON.stringify(message)}\n`);
  for (let at = 0; at < data.length; ) {
    try {
      at += writeSync(CONTROL_OUT, data, at);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

const entry = Symbol.for("glovebox.entry");
const entryScript = new vm.Script('globalThis[Symbol.for("glovebox.entry")]()', { filename: __filename });

/** Runs `work` so that SIGINT ends it, by an error that `interrupts.isInterrupt` knows, wherever it is. */
function guarded(work) {
  let result;
  Object.defineProperty(globalThis, entry, {
    configurable: true,
    value: () => {
      result = work();
    },
  });
  interrupts.beforeRun();
  entryScript.runInThisContext({ breakOnSigint: true, displayErrors: false });
  return result;
}

function receive(fields) {
  const [verb, id, mode, text, source] = fields;
  if (verb === "renew") return require("./renewal.cjs").renew(text, end);
  queue.push({ id, mode, source, options: JSON.parse(text), outcome: undefined, exit: undefined });
  if (current === undefined) next();
}

function next() {
  current = queue.shift();
  if (current === undefined) return;
  const request = current;
  request.cpu = process.cpuUsage();
  if (request.mode === "repl") inputs += 1;
  request.name = request.mode === "repl" ? `input-${inputs}` : request.source;
  interrupts.clear();
  try {
    request.leave = enter(request);
    guarded(() => {
      if (request.mode === "file") require("./files.cjs").run(kernel, request);
      else evaluate(request);
      pump();
    });
  } catch (error) {
    fail(error);
  }
  if (request.outcome !== undefined) return settle(request);
  interrupts.whileWaiting((interrupted) => {
    if (interrupted) request.outcome = { error: interrupts.INTERRUPTED };
    // What was to answer it may have been terminated.
    if (interrupted || request.settling) settle(request);
  });
}

function evaluate(request) {
  const prepared = require("./prepare.cjs").prepare(request.source, request, kernel);
  const strict = options.strict ? '"use strict";' : "";
  const expression = `${strict}${prepared}\n//# sourceURL=${request.name}`;
  const release = prepared.includes("await") ? holdFirstPromise() : undefined;
  session.post("Runtime.evaluate", { expression, replMode: true, objectGroup: "request" }, (error, response) => {
    if (error) return;
    release?.();
    const { result, exceptionDetails: details } = response;
    if (details === undefined) return fulfil(request, take(result));
    const thrown = details.exception === undefined ? new Error(details.text) : take(details.exception);
    conclude(request, { error: thrown, details });
  });
}

/** Results of input that is not settled, by the function that lets go of it. */
const held = new Map();

/**
 * Keeps the result of the evaluation that comes next, which is the first promise to be made. When one that the
 * inspector waits for is collected, Node 24 calls into JavaScript in the middle of the collection and aborts.
 */
function holdFirstPromise() {
  const release = () => held.delete(release);
  const stop = require("node:v8").promiseHooks.onInit((promise) => {
    if (!held.has(release)) held.set(release, promise);
    stop();
  });
  return release;
}

/** Ends a request with the value of a promise, once it has one, or with `value` itself. */
function fulfil(request, value) {
  if (!types.isPromise(value)) return conclude(request, { value });
  Reflect.apply(then, value, [
    (settled) => conclude(request, { value: settled }),
    (error) => conclude(request, { error }),
  ]);
}

kernel.fulfil = fulfil;
kernel.conclude = conclude;

/** The real value behind what the inspector tells of it. */
function take(remote) {
  if (remote.unserializableValue !== undefined) return fromText(remote.unserializableValue);
  if (remote.objectId === undefined) return remote.value;
  let taken;
  const key = Symbol.for("glovebox.take");
  Object.defineProperty(globalThis, key, { configurable: true, value: (value) => (taken = { value }) });
  session.post("Runtime.callFunctionOn", {
    objectId: remote.objectId,
    functionDeclaration: 'function(v){globalThis[Symbol.for("glovebox.take")](v)}',
    arguments: [{ objectId: remote.objectId }],
  });
  delete globalThis[key];
  session.post("Runtime.releaseObjectGroup", { objectGroup: "request" });
  return taken?.value;
}

function fromText(text) {
  return text.endsWith("n") ? BigInt(text.slice(0, -1)) : Number(text);
}

function conclude(request, outcome) {
  if (request !== current || request.outcome?.error !== undefined) return;
  request.outcome = outcome;
  if (interrupts.waiting) settleSoon(request);
}

/** Ends the request that runs with an error, wherever in its code that came up. Tells whether there was one. */
function fail(error) {
  if (current === undefined) return false;
  const request = current;
  request.outcome = { error };
  if (interrupts.waiting) settleSoon(request);
  return true;
}

/** Apart from the code that brought it about, so that an unhandled rejection of the same turn still counts. */
function settleSoon(request) {
  if (request.settling) return;
  request.settling = true;
  setImmediate(() => {
    if (request === current) settle(request);
  });
}

/** Answers. What fails here is the kernel's own doing or undoing: it ends, for the host to start another. */
function settle(request) {
  if (!interrupts.mayAnswer()) return;
  try {
    answer(request);
  } catch {
    end();
  }
}

function end() {
  process.kill(process.pid, "SIGKILL");
}

function answer(request) {
  interrupts.stopWaiting();
  let message;
  try {
    // What the value's own code does here, SIGINT can still end.
    message = needsGuard(request) ? guarded(() => describe(request)) : describe(request);
  } catch (error) {
    request.outcome = { error: interrupts.isInterrupt(error) ? interrupts.INTERRUPTED : error };
    message = describe(request);
  }
  request.leave?.();
  request.stop?.();
  current = undefined;
  send({ ...message, id: request.id });
  const { user, system } = process.cpuUsage(request.cpu);
  send({ t: "done", id: request.id, cpuMs: (user + system) / 1000 }, "!");
  if (queue.length > 0) setImmediate(next);
}

function needsGuard({ outcome, exit }) {
  if (exit !== undefined) return false;
  const subject = "error" in outcome ? outcome.error : outcome.value;
  return (typeof subject === "object" && subject !== null) || typeof subject === "function";
}

function describe(request) {
  const { outcome, exit } = request;
  if (exit !== undefined && exit !== 0) return require("./failures.cjs").exited(exit);
  if (exit === undefined && "error" in outcome) return require("./failures.cjs").describe(outcome, request, kernel);
  return require("./values.cjs").describe(exit === 0 ? undefined : outcome.value);
}

/** Sets arguments, environment and folder for a request; returns the way back. */
function enter({ mode, source, options: { args = [], env = {}, cwd, stdin } }) {
  const { argv } = process;
  process.argv = mode === "file" ? [argv[0], source, ...args] : [argv[0], "", ...args];
  const before = Object.keys(env).map((name) => [name, process.env[name]]);
  Object.assign(process.env, env);
  const back = cwd ? process.cwd() : undefined;
  let closeStdin;
  const leave = () => {
    process.argv = argv;
    closeStdin?.();
    for (const [name, value] of before) {
      if (process.env[name] !== env[name]) continue; // the code set it anew: that stays
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    if (back !== undefined) process.chdir(back);
  };
  try {
    if (stdin) closeStdin = require("./stdin.cjs").open(stdin);
    if (cwd) process.chdir(cwd);
  } catch (error) {
    leave();
    throw error;
  }
  return leave;
}

kernel.requestExit = (status) => {
  if (current === undefined) return;
  current.exit = status;
  fail(new Error("exit"));
};

function start() {
  require("./globals.cjs").install(kernel, MAX_TEXT_CHARS);
  if (loadsAll) for (const name of ["prepare", "values", "failures", "renewal"]) require(`./${name}.cjs`);
  process.on("uncaughtException", (error) => kernel.uncaught(error));
  process.on("unhandledRejection", (error) => kernel.uncaught(error));
  let held = [];
  let fields = [];
  const control = new Socket({ fd: 3, readable: true, writable: false });
  control.on("error", end);
  control.on("close", end);
  control.on("data", (chunk) => {
    let start = 0;
    for (let end = chunk.indexOf(0); end >= 0; end = chunk.indexOf(0, start)) {
      const last = chunk.subarray(start, end);
      fields.push((held.length === 0 ? last : Buffer.concat([...held, last])).toString("utf8"));
      held = [];
      start = end + 1;
      if (fields.length < 5) continue;
      const whole = fields;
      fields = [];
      receive(whole);
    }
    if (start < chunk.length) held.push(chunk.subarray(start));
  });
  kernel.control = control;
  interrupts.start(session);
  send({ t: "ready", language: "javascript", version: process.versions.node });
}

start();
