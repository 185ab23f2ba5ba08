import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { IsolateDriver } from "./index.ts";
import { TestSession } from "./testing.ts";

let driver: IsolateDriver;
beforeAll(async () => {
  driver = new IsolateDriver({ warmWorkers: 1 });
  await driver.warmUp();
});
afterAll(() => driver[Symbol.asyncDispose]());

const open = (options?: Parameters<typeof TestSession.open>[1]) => TestSession.open(driver, options);
const SHORT = { wallMs: 300, graceMs: 1500 };

describe("endless work is interrupted and the session goes on", () => {
  test.each([
    ["a loop", "while (true) {}"],
    ["a loop after an await", "await null; for (;;);"],
    ["a getter of the value", "({ get a() { for (;;); }, toJSON() { for (;;); } })"],
    ["a proxy as the value", "new Proxy({}, { ownKeys() { for (;;); }, getPrototypeOf() { for (;;); } })"],
    ["a getter of an error", "throw Object.defineProperty(new Error(), 'message', { get() { for (;;); } })"],
    ["a console argument", "console.log(new Proxy([], { get() { for (;;); } }))"],
    ["a thenable", "await { then() { for (;;); } }"],
    ["promise jobs", "function f() { Promise.resolve().then(f) } f(); 1"],
    ["many floods of jobs", "for (let i = 0; i < 50; i++) (async () => { for (;;) await null })(); 1"],
    ["async generators", "(async () => { for await (const x of (async function* () { for (;;) yield 1 })()); })(); 1"],
    ["timers", "(function f() { setTimeout(f, 0) })(); 1"],
    ["an interval", "setInterval(() => {}, 1); 1"],
    ["a catch that goes on", "for (;;) try { for (;;); } catch {}"],
    ["a finally that goes on", "(function f() { try { for (;;); } finally { f() } })()"],
    ["a regular expression", "/^(a+)+$/.test('a'.repeat(32) + 'b')"],
    ["a comparison", "const big = Array.from({ length: 1e5 }, () => ({})); for (;;) big.sort(() => 1)"],
    ["a wait for a timer", "await new Promise((done) => setTimeout(done, 1e9))"],
  ])("%s", async (_name, source) => {
    await using session = await open({ limits: { memoryMb: 256 } });
    const { ending, limits, exit } = await session.repl(source, SHORT);
    expect(exit).toBeUndefined();
    expect(limits).toEqual([{ kind: "limit", limit: "wall", action: "interrupted" }]);
    expect(ending).toMatchObject({ t: "exception", name: "Interrupted" });
    expect(await session.value("1 + 1")).toBe(2);
  });
});

test("native work that does not yield is killed after the grace, and a new kernel answers", async () => {
  await using session = await open({ limits: { memoryMb: 2000 } });
  await session.repl("const a = new Uint8Array(5e8)");
  const { limits, exit } = await session.repl("for (let i = 0; i < 1e3; i++) a.indexOf(1)", {
    wallMs: 50,
    graceMs: 50,
  });
  // One search takes longer than the grace on any machine; should one be fast enough, the interrupt was in time.
  if (exit) {
    expect(limits.map((item) => item.action)).toEqual(["interrupted", "killed"]);
    expect(exit).toMatchObject({ signal: "SIGKILL", limit: "wall" });
    await session.restart();
  }
  expect(await session.value("2")).toBe(2);
});

test("without a grace a limit kills at once", async () => {
  await using session = await open();
  const { limits, exit } = await session.repl("for (;;);", { wallMs: 50 });
  expect(limits).toEqual([{ kind: "limit", limit: "wall", action: "killed" }]);
  expect(exit).toMatchObject({ signal: "SIGKILL", limit: "wall" });
});

test("the CPU limit counts work and not waiting", async () => {
  await using session = await open();
  const limits = { cpuMs: 150, wallMs: 15_000, graceMs: 1000 };
  expect((await session.repl("await new Promise((done) => setTimeout(done, 500)); 1", limits)).ending?.t).toBe("value");
  const busy = await session.repl("for (;;);", limits);
  expect(busy.limits).toEqual([{ kind: "limit", limit: "cpu", action: "interrupted" }]);
  expect(busy.ending).toMatchObject({ name: "Interrupted" });
});

test("a share of a CPU slows the code down", async () => {
  await using session = await open({ limits: { cpus: 0.25 } });
  const source = "const end = Date.now() + 1200; while (Date.now() < end); 1";
  const { messages } = await session.repl(source);
  const done = messages.at(-1);
  // 300 ms would be its share; a busy machine gives even less.
  expect(done?.t === "done" && (done.cpuMs ?? 0)).toBeLessThan(700);
});

describe("memory", () => {
  test.each([
    ["one huge string", "'x'.repeat(2 ** 29)"],
    ["an array that grows", "const a = []; for (;;) a.push(new Array(1000).fill(1.5))"],
    ["strings that grow", "let s = 'x'; const a = []; for (;;) a.push(s += s.slice(0, 1e6) + Math.random())"],
    ["buffers", "const a = []; for (;;) a.push(new ArrayBuffer(1e6))"],
    ["errors that are caught", "const a = []; for (;;) try { for (;;) a.push(new ArrayBuffer(1e6)) } catch {}"],
    ["jobs", "function f() { Promise.resolve().then(f); Promise.resolve().then(f) } f()"],
    ["closures in timers", "const a = []; (function f() { a.push(new ArrayBuffer(1e6)); setTimeout(f) })()"],
    ["a splitting native", "'x'.repeat(3e7).split('')"],
  ])("%s kills the kernel and is counted", async (_name, source) => {
    await using session = await open({ limits: { memoryMb: 64 } });
    const { limits, exit } = await session.repl(source, { wallMs: 30_000, graceMs: 500 });
    expect(limits).toEqual([{ kind: "limit", limit: "memory", action: "killed" }]);
    expect(exit).toMatchObject({ signal: "SIGKILL", limit: "memory" });
    expect(exit?.maxRssKb).toBeLessThanOrEqual(64 * 1024);
    expect(await session.sandbox.oomKills()).toBe(1);
    await session.restart();
    expect(await session.value("1")).toBe(1);
  });

  test("all kernels of a session share its limit", async () => {
    await using session = await open({ limits: { memoryMb: 64 } });
    const other = await session.sandbox.spawn({ kind: "kernel", language: "typescript" });
    await vi.waitFor(async () => expect((await session.sandbox.stats()).memoryBytes).toBeGreaterThan(33e6), 10_000);
    const { exit } = await session.repl("const a = new ArrayBuffer(45e6); a.byteLength", { wallMs: 10_000 });
    expect(exit).toMatchObject({ limit: "memory" });
    await other.signal("SIGKILL");
    await session.restart();
    expect(await session.value("const a = new ArrayBuffer(35e6); a.byteLength")).toBe(35e6);
  });
});

describe("depth", () => {
  test.each([
    ["calls", "(function f() { f() })()"],
    ["getters", "const o = { get a() { return o.a } }; o.a"],
    ["proxies", "let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); p.x"],
    ["JSON", "JSON.parse('['.repeat(1e6))"],
    ["code", "eval('('.repeat(1e6))"],
    ["regular expressions", "new RegExp('(?:'.repeat(1e6))"],
    ["toJSON", "const q = { toJSON() { return JSON.stringify(q) } }; JSON.stringify(q)"],
    [
      "console in a getter",
      "const o = { get message() { console.log(o) } , toJSON() { console.log(o) } }; console.log(o)",
    ],
    ["sort", "(function c() { return [2, 1].sort(c) })()"],
    ["generators", "function* y() { yield* y() } [...y()]"],
    ["require", "const r = () => require({ toString: r }); r()"],
  ])("%s end in an error that the code could catch", async (_name, source) => {
    await using session = await open({ limits: { memoryMb: 256 } });
    const { exit, ending } = await session.repl(source);
    expect(exit).toBeUndefined();
    expect(ending).toBeDefined();
    expect(await session.value("1")).toBe(1);
  });

  test("a deep value has a preview", async () => {
    await using session = await open();
    const { ending } = await session.repl("let d = []; for (let i = 0; i < 1e4; i++) d = [d]; d");
    expect(ending).toMatchObject({ t: "value", preview: "[ [ [ [ [Array] ] ] ] ]" });
  });
});

describe("a flood", () => {
  test("of console messages stops at the window while nobody acknowledges", async () => {
    await using session = await open();
    await session.send("let n = 0; for (;;) { n++; console.log('x'.repeat(1000)) }", { wallMs: 1000, graceMs: 1000 });
    await new Promise((resolve) => setTimeout(resolve, 700));
    const { from, to } = session.kernel.held.control;
    expect(to - from).toBeGreaterThan(100_000);
    expect(to - from).toBeLessThan(1_048_576);
    expect((await session.outcome()).ending).toMatchObject({ name: "Interrupted" });
  });

  test("of huge console messages is cut", async () => {
    await using session = await open();
    const { messages } = await session.repl(
      "for (let i = 0; i < 20; i++) console.log('y'.repeat(1e6), { z: 'z'.repeat(1e6) })",
    );
    const texts = messages.flatMap((message) => (message.t === "console" ? [message.text.length] : []));
    expect(texts).toHaveLength(20);
    expect(Math.max(...texts)).toBeLessThan(70_000);
  });
});

describe("the bridge holds against changed prototypes", () => {
  const POISON = `
    Object.prototype.toJSON = () => "poisoned"; Object.prototype.t = "done"; Object.prototype.id = "other";
    Array.prototype.push = Array.prototype.map = Array.prototype.join = () => { throw 1 };
    Array.prototype[Symbol.iterator] = function* () { yield "poisoned" };
    Promise.prototype.then = () => { throw 2 }; Promise.resolve = () => 3;
    JSON.stringify = () => "{}"; JSON.parse = () => ({}); String.prototype.slice = () => "cut";
    Function.prototype.call = Function.prototype.apply = () => { throw 4 }; Reflect.apply = () => { throw 5 };
    Map.prototype.get = Map.prototype.set = () => { throw 6 };
    Object.prototype.get = Object.prototype.set = () => { throw 7 }; 1`;

  test("values, errors and the console go on", async () => {
    await using session = await open();
    await session.repl(POISON);
    const { messages } = await session.repl("console.log('still', 'here'); 40 + 2");
    expect(messages).toMatchObject([
      { t: "console", id: "r", text: "still here" },
      { t: "value", id: "r", type: "number", preview: "42", json: 42 },
      { t: "done", id: "r" },
    ]);
    expect((await session.repl("throw new Error('e')")).ending).toMatchObject({ name: "Error", message: "e" });
    expect(({} as Record<string, unknown>).toJSON).toBeUndefined();
  });

  test("globals that the kernel sets can be taken away without harm", async () => {
    await using session = await open();
    await session.repl("delete globalThis.console; delete globalThis.require; Object.freeze(globalThis)");
    expect(await session.value("6 * 7")).toBe(42);
  });

  test("a message cannot be forged", async () => {
    await using session = await open();
    const forged = '\n!{"t":"done","id":"r"}\n{"t":"value","id":"r","type":"x","preview":"forged"}\n';
    const { messages, ending } = await session.repl(`console.log(${JSON.stringify(forged)}); 1`);
    expect(messages.map((message) => message.t)).toEqual(["ready", "console", "value", "done"]);
    expect(ending).toMatchObject({ preview: "1" });
  });
});

describe("there is no way to the host", () => {
  test.each([
    "this.constructor.constructor('return process')()",
    "console.log.constructor('return process')()",
    "setTimeout.constructor('return process')().mainModule",
    "require.constructor('return globalThis.process.binding')()",
    "(async () => {}).constructor('return process')().then((p) => p.version)",
    "new Error().stack.constructor.constructor('return process.env')()",
    "Error.prepareStackTrace = (e, frames) => frames[0].getThis(); new Error().stack.process.pid",
    "console.log.caller.arguments[0].pid",
    "import('node:child_process')",
    "import('file:///etc/passwd')",
    "import('/etc/passwd')",
    "import('data:text/javascript,1')",
    "require('node:worker_threads')",
    "require('../../../../etc/passwd')",
    "fetch('http://169.254.169.254/')",
    "new WebAssembly.Module(new Uint8Array())",
    "new Worker('x')",
    "process.exit(1)",
  ])("%s", async (source) => {
    await using session = await open();
    const { ending } = await session.repl(source);
    expect(ending?.t).toBe("exception");
    expect(await session.value("1")).toBe(1);
  });

  test("the globals are the language's own and the few that are documented", async () => {
    await using session = await open();
    const added = await session.value(
      "Object.getOwnPropertyNames(globalThis).filter((name) => !/^[A-Z]|^(parse|is|decode|encode|escape|unescape|eval|undefined|globalThis)/.test(name))",
    );
    expect(added).toEqual([
      ...["setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval", "clearImmediate"],
      ...["queueMicrotask", "console", "require", "args", "env"],
    ]);
  });

  test("shared memory of the guest is not the host's", async () => {
    await using session = await open();
    const waits = "Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0, 1e9)";
    const { exit, ending } = await session.repl(waits, { wallMs: 300, graceMs: 300 });
    expect(exit === undefined ? ending?.t : exit.limit).toMatch(/exception|wall/);
  });
});
