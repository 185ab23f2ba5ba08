// What candidates of a repair get for node:test: the same words, run in this process, which can run many rounds. Only to choose by: whatever passes here is
// run by node:test itself afterwards. A round has an instance of its own.
import assert from "node:assert";
import { inspect } from "node:util";

const node = globalThis[Symbol.for("glovebox.node:test")];
export const mock = node.mock;
export const snapshot = node.snapshot;

const MAX_MESSAGE = 1_000;

let current = suiteOf("", undefined);
const files = new Map();
const waiting = [];
/** Rejects what the test at hand waits for. */
let fail;

function suiteOf(name, parent) {
  return { name, parent, children: [], before: [], after: [], beforeEach: [], afterEach: [] };
}

function read(args) {
  const fn = args.findLast((one) => typeof one === "function");
  const options = args.find((one) => typeof one === "object" && one !== null) ?? {};
  const name = typeof args[0] === "string" ? args[0] : fn?.name || "<anonymous>";
  return { name, fn, skip: Boolean(options.skip) || Boolean(options.todo) || fn === undefined };
}

function add(...args) {
  current.children.push({ ...read(args), parent: current });
  return Promise.resolve();
}

function group(...args) {
  const { name, fn, skip } = read(args);
  const suite = { ...suiteOf(name, current), skip };
  current.children.push(suite);
  if (skip) return Promise.resolve();
  const outer = current;
  current = suite;
  try {
    const going = fn({ name });
    if (typeof going?.then === "function") waiting.push(going);
  } finally {
    current = outer;
  }
  return Promise.resolve();
}

function withVariants(fn) {
  const skipped = (...args) => fn(...args.filter((one) => typeof one !== "function"));
  return Object.assign(fn, { skip: skipped, todo: skipped, only: fn });
}

export const test = withVariants(add);
export const it = test;
export const describe = withVariants(group);
export const suite = describe;
export const before = (fn) => void current.before.push(fn);
export const after = (fn) => void current.after.push(fn);
export const beforeEach = (fn) => void current.beforeEach.push(fn);
export const afterEach = (fn) => void current.afterEach.push(fn);
export default Object.assign(test, { test, it, describe, suite, before, after, beforeEach, afterEach, mock, snapshot });

/** What is declared from now on belongs to a file. */
export function begin(path) {
  current = suiteOf("", undefined);
  files.set(path, current);
}

/** An error that nobody caught. */
export function stray(error) {
  fail?.(error);
}

/** Runs the tests of the ids, or of all files; statuses and messages by id. */
export async function run(wanted) {
  await Promise.all(waiting);
  const found = { statuses: {}, messages: {} };
  for (const [path, root] of files) await runSuite(root, [], { wanted, found, path });
  return found;
}

async function runSuite(suite, names, round) {
  try {
    for (const hook of suite.before) await settle(hook, {});
    for (const child of suite.children) {
      if (child.skip) continue;
      if (child.children !== undefined) await runSuite(child, [...names, child.name], round);
      else await runTest(child, names, round);
    }
  } catch (error) {
    round.found.messages[`${round.path}::${names.join(" > ")}`] = String(error);
  } finally {
    for (const hook of suite.after) await settle(hook, {}).catch(() => {});
  }
}

async function runTest({ name, fn, parent }, names, round) {
  const id = `${round.path}::${[...names, name].join(" > ")}`;
  if (round.wanted !== undefined && !round.wanted.has(id)) return;
  const cleanup = [];
  let failed;
  try {
    for (const hook of hooksOf(parent, "beforeEach").reverse()) await settle(hook, { name });
    await settle(fn, contextOf({ name, parent }, [...names, name], round, cleanup));
  } catch (error) {
    failed = { error };
  }
  for (const hook of [...cleanup, ...hooksOf(parent, "afterEach")]) {
    await settle(hook, { name }).catch((error) => {
      failed ??= { error };
    });
  }
  round.found.statuses[id] = failed === undefined ? "passed" : "failed";
  if (failed !== undefined) round.found.messages[id] = messageOf(failed.error);
}

/** Innermost first. */
function hooksOf(suite, kind) {
  return suite === undefined ? [] : [...suite[kind], ...hooksOf(suite.parent, kind)];
}

/** What a test is given: subtests, hooks, and what it says of itself. */
function contextOf({ name, parent }, names, round, cleanup) {
  const own = { ...suiteOf(name, parent) };
  return {
    name,
    fullName: names.join(" > "),
    signal: new AbortController().signal,
    assert,
    mock,
    skip() {},
    todo() {},
    diagnostic() {},
    plan() {},
    before: (hook) => settle(hook, {}),
    after: (hook) => void cleanup.push(hook),
    beforeEach: (hook) => void own.beforeEach.push(hook),
    afterEach: (hook) => void own.afterEach.push(hook),
    test: async (...args) => {
      const inner = read(args);
      if (inner.skip) return;
      await runTest({ ...inner, parent: own }, names, { ...round, wanted: undefined });
      const id = `${round.path}::${[...names, inner.name].join(" > ")}`;
      if (round.found.statuses[id] === "failed") throw new Error(`subtest ${inner.name}: ${round.found.messages[id]}`);
    },
  };
}

/** Resolves when a function has, however it tells: by its return, a promise, or a callback. */
function settle(fn, context) {
  return new Promise((resolve, reject) => {
    fail = reject;
    if (fn.length >= 2) fn(context, (error) => (error ? reject(error) : resolve()));
    else Promise.resolve(fn(context)).then(resolve, reject);
  });
}

function messageOf(error) {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : inspect(error, { depth: 2 });
  return text.slice(0, MAX_MESSAGE);
}
