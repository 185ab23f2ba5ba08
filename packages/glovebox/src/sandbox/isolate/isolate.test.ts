import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEFAULT_LIMITS, newId } from "../../core/index.ts";
import { IsolateDriver } from "./index.ts";
import { TestSession } from "./testing.ts";

let driver: IsolateDriver;
beforeAll(async () => {
  driver = new IsolateDriver({ warmWorkers: 1 });
  await driver.warmUp();
});
afterAll(() => driver[Symbol.asyncDispose]());

const open = (options?: Parameters<typeof TestSession.open>[1]) => TestSession.open(driver, options);

describe("values", () => {
  test("console comes before the value, and done last", async () => {
    await using session = await open();
    const { messages } = await session.repl('console.log("x"); 20+22');
    expect(messages.map((message) => message.t)).toEqual(["ready", "console", "value", "done"]);
    expect(messages[1]).toMatchObject({ level: "log", text: "x", args: ["x"] });
    expect(messages[2]).toEqual({ t: "value", id: "r", type: "number", preview: "42", json: 42 });
  });

  test.each([
    ["undefined", { type: "undefined", preview: "undefined" }],
    ["null", { type: "null", preview: "null", json: null }],
    ["-0", { type: "number", preview: "-0" }],
    ["10n", { type: "bigint", preview: "10n" }],
    ["'it\\'s'", { type: "string", preview: '"it\'s"', json: "it's" }],
    ["[1,,'a']", { type: "Array", preview: "[ 1, <empty>, 'a' ]" }],
    ["{ a: 1 }", { type: "Object", preview: "{ a: 1 }", json: { a: 1 } }],
    ["new Map([[1, new Set([2])]])", { type: "Map", preview: "Map(1) { 1 => Set(1) { 2 } }" }],
    ["class Foo { x = 1 }; new Foo()", { type: "Foo", preview: "Foo { x: 1 }" }],
    ["({ get a() { return 1 } })", { type: "Object", preview: "{ a: [Getter] }" }],
    ["const o = {}; o.o = o; o", { type: "Object", preview: "{ o: [Circular] }" }],
    ["new Date(0)", { type: "Date", json: "1970-01-01T00:00:00.000Z" }],
    ["Promise.resolve([1])", { type: "Array", json: [1] }],
    ["await new Promise((done) => setTimeout(done, 5, 'later'))", { type: "string", json: "later" }],
    ["'a\\0b\\ud800'", { type: "string", preview: "'a\\u0000b\\ud800'" }],
    ["new Promise(() => {})", { type: "Promise", preview: "Promise { <pending> }" }],
  ])("%s", async (source, expected) => {
    await using session = await open();
    const { ending } = await session.repl(source);
    expect(ending).toMatchObject({ t: "value", ...expected });
  });

  test("a preview is one line of at most 4 KiB and large JSON is left out", async () => {
    await using session = await open();
    const { ending } = await session.repl("Array.from({ length: 1e5 }, (_, i) => 'é\\n'.repeat(50))");
    if (ending?.t !== "value") throw new Error("no value");
    expect(Buffer.byteLength(ending.preview)).toBeLessThanOrEqual(4096);
    expect(ending.preview).not.toContain("\n");
    expect(ending.json).toBeUndefined();
  });
});

describe("a REPL", () => {
  test("keeps let, const, functions and classes, and lets them be declared again", async () => {
    await using session = await open();
    await session.repl("let a = 1; const b = await 2; function f() { return a + b }\nclass K {}");
    expect(await session.value("[f(), typeof K]")).toEqual([3, "function"]);
    expect(await session.value("let a = 10; const b = 5; f()")).toBe(15);
  });

  test("a throw has name, message, stack and line, and the session goes on", async () => {
    await using session = await open();
    const { ending } = await session.repl("function boom() {\n  null.x;\n}\nboom()");
    expect(ending).toMatchObject({ t: "exception", name: "TypeError", line: 2 });
    if (ending?.t !== "exception") throw new Error("no exception");
    expect(ending.stack).toContain("boom");
    expect(ending.stack).not.toMatch(/node:|file:|glovebox:kernel|\.ts/);
    expect(await session.value("1 + 1")).toBe(2);
  });

  test("a syntax error has its line", async () => {
    await using session = await open();
    expect((await session.repl("let x = 1;\n\nfoo bar")).ending).toMatchObject({ name: "SyntaxError", line: 3 });
  });

  test("what is thrown need not be an error", async () => {
    await using session = await open();
    expect((await session.repl("throw { code: 7 }")).ending).toMatchObject({ name: "Thrown", message: "{ code: 7 }" });
  });

  test("an error in a timer or a microtask ends the execution", async () => {
    await using session = await open();
    const timer = await session.repl("setTimeout(() => { throw new RangeError('late') }, 1); 1");
    expect(timer.ending).toMatchObject({ t: "exception", name: "RangeError", message: "late" });
    const job = await session.repl("queueMicrotask(() => { throw new TypeError('job') }); 1");
    expect(job.ending).toMatchObject({ t: "exception", name: "TypeError" });
  });

  test("timers run in order and end with the execution", async () => {
    await using session = await open();
    const { messages } = await session.repl(
      "setTimeout(() => console.log('b'), 20); setTimeout(() => console.log('a'), 1);" +
        "let n = 0; const h = setInterval(() => { if (++n === 3) clearInterval(h) }, 1); queueMicrotask(() => console.log('0'))",
    );
    const texts = messages.flatMap((message) => (message.t === "console" ? [message.text] : []));
    expect(texts).toEqual(["0", "a", "b"]);
    expect(await session.value("n")).toBe(3);
  });

  test("code that awaits what never happens is told so", async () => {
    await using session = await open();
    expect((await session.repl("await new Promise(() => {})")).ending).toMatchObject({ t: "exception" });
  });

  test("strict mode is the template's choice", async () => {
    await using sloppy = await open();
    expect(await sloppy.value("(function () { return this === globalThis })()")).toBe(true);
    await using strict = await open({ kernel: { strict: true } });
    expect(await strict.value("(function () { return this === undefined })()")).toBe(true);
  });

  test("args and env are there, and nothing of the host is", async () => {
    await using session = await open({ env: { A: "session", B: "b" } });
    const request = { args: ["one"], env: { A: "request" } };
    const { ending } = await session.repl("[args, env.A, env.B, Object.keys(env).length]", undefined, request);
    expect(ending).toMatchObject({ json: [["one"], "request", "b", 2] });
    const names = "['process','fetch','Deno','Buffer','WebAssembly','XMLHttpRequest','global','std','os','Worker']";
    expect(await session.value(`${names}.filter((name) => name in globalThis)`)).toEqual([]);
  });
});

describe("TypeScript", () => {
  test("types are stripped, enums are turned into code", async () => {
    await using session = await open();
    const request = { language: "typescript" } as const;
    const plain = await session.repl(
      "interface P { x: number }\nconst p: P = { x: 4 };\np.x as number",
      undefined,
      request,
    );
    expect(plain.ending).toMatchObject({ json: 4 });
    const { ending } = await session.repl("enum Level { Low = 3, High }\nLevel.High", undefined, request);
    expect(ending).toMatchObject({ json: 4 });
  });

  test("its syntax errors have a line", async () => {
    await using session = await open();
    const { ending } = await session.repl("const a: number = 1;\nlet b: = 2;", undefined, { language: "typescript" });
    expect(ending).toMatchObject({ name: "SyntaxError", line: 2 });
  });
});

describe("console", () => {
  test("stdio writes to stdout and stderr", async () => {
    await using session = await open({ kernel: { console: "stdio" } });
    const { stdout, stderr, messages } = await session.repl("console.log('out', { a: 1 }); console.error('err'); 1");
    expect([stdout, stderr]).toEqual(["out { a: 1 }\n", "err\n"]);
    expect(messages.some((message) => message.t === "console")).toBe(false);
  });

  test("off drops it", async () => {
    await using session = await open({ kernel: { console: "off" } });
    expect((await session.repl("console.log('x'); 1")).messages.map((message) => message.t)).not.toContain("console");
  });

  test("levels, groups, counters and assertions", async () => {
    await using session = await open();
    const { messages } = await session.repl(
      "console.warn('w'); console.group('g'); console.info('in'); console.groupEnd(); console.count(); console.count();" +
        "console.assert(false, 'why'); console.assert(true); console.time('t'); console.timeEnd('t'); console.table([1])",
    );
    const said = messages.flatMap((message) => (message.t === "console" ? [`${message.level}:${message.text}`] : []));
    expect(said.slice(0, 6)).toEqual([
      "warn:w",
      "log:g",
      "info:  in",
      "log:default: 1",
      "log:default: 2",
      "error:Assertion failed: why",
    ]);
    expect(said[6]).toMatch(/^log:t: \d+ms$/);
  });
});

describe("libraries", () => {
  test("UMD, CommonJS and plain scripts are offered under their global names", async () => {
    const libraries = {
      u: "(function (root, make) { if (typeof exports === 'object' && typeof module !== 'undefined') module.exports = make(); else root.u = make() })(this, () => ({ twice: (n) => n * 2 }))",
      s: "globalThis.s = { one: 1 }",
    };
    await using session = await open({ kernel: { libraries } });
    expect(await session.value("[u.twice(21), s.one]")).toEqual([42, 1]);
    await using without = await open();
    expect((await without.repl("u")).ending).toMatchObject({ name: "ReferenceError", message: "u is not defined" });
  });

  test("one that does not run fails the session", async () => {
    await expect(open({ kernel: { libraries: { bad: "throw new Error('no')" } } })).rejects.toMatchObject({
      code: "startup_failed",
      message: expect.stringContaining("the library bad does not run"),
    });
  });
});

describe("the driver", () => {
  test("a probe evaluates something", async () => {
    const probe = await driver.probe();
    expect(probe).toMatchObject({ available: true, capabilities: { languages: ["javascript", "typescript"] } });
  });

  test("refuses what it cannot do", async () => {
    await using session = await open();
    const { sandbox, kernel } = session;
    await expect(sandbox.spawn({ kind: "program", argv: ["ls"] })).rejects.toMatchObject({
      code: "not_supported_by_isolation",
    });
    await expect(sandbox.spawn({ kind: "kernel", language: "python" })).rejects.toMatchObject({
      code: "language_unavailable",
    });
    await expect(kernel.write(Buffer.from("x"))).rejects.toMatchObject({ code: "not_supported_by_isolation" });
    await expect(kernel.resize(1, 1)).rejects.toMatchObject({ code: "not_supported_by_isolation" });
    await expect(driver.attach()).rejects.toMatchObject({ code: "not_found" });
    expect(await driver.sweep()).toEqual({ removed: [] });
    const spec = { id: newId(), workspaceDir: "/nonexistent", allowPartial: false, env: {} };
    const python = { ...spec, limits: DEFAULT_LIMITS, languages: ["python"] as const };
    await expect(driver.create(python)).rejects.toMatchObject({ code: "language_unavailable" });
    const modules = { ...python, languages: [], kernelOptions: { modules: { json: {} } } };
    await expect(driver.create(modules)).rejects.toMatchObject({ code: "module_not_allowed" });
    const option = { ...modules, kernelOptions: { modules: { fs: { root: "/" } } } };
    await expect(driver.create(option)).rejects.toMatchObject({ code: "invalid_argument" });
  });

  test("without a helper sandbox there are no files, and it says why", async () => {
    await using session = await open();
    await expect(session.sandbox.files.stat(".")).rejects.toMatchObject({ code: "isolation_unavailable" });
    expect((await session.file("main.js")).ending).toMatchObject({ name: "isolation_unavailable" });
    expect((await session.repl('require("fs")')).ending).toMatchObject({ name: "module_not_allowed" });
  });

  test("two sessions share nothing, and a worker is never used twice", async () => {
    await using one = await open();
    await using two = await open();
    await one.repl("globalThis.secret = 1; Array.prototype.leak = 2; Object.prototype.toString = () => 'changed'");
    expect(await two.value("[typeof secret, [].leak === undefined, String({})]")).toEqual([
      "undefined",
      true,
      "[object Object]",
    ]);
    expect(one.kernel.pid).not.toBe(two.kernel.pid);
    const before = two.kernel.pid;
    await two.sandbox.destroy();
    await using three = await open();
    expect(three.kernel.pid).not.toBe(before);
    expect(await three.value("typeof secret")).toBe("undefined");
  });

  test("stats tell memory and CPU time, and destroying ends everything", async () => {
    await using session = await open();
    await session.repl("for (let i = 0; i < 1e6; i++);");
    const stats = await session.sandbox.stats();
    expect(stats.memoryBytes).toBeGreaterThan(1e7);
    expect(stats.cpuMs).toBeGreaterThan(0);
    expect(stats.pids).toBe(1);
    await session.sandbox.destroy();
    expect(await session.sandbox.ended).toEqual({ kind: "destroyed" });
    expect((await session.outcome()).exit).toMatchObject({ signal: "SIGKILL" });
    await expect(session.sandbox.spawn({ kind: "kernel", language: "javascript" })).rejects.toMatchObject({
      code: "unavailable",
    });
    await expect(session.kernel.writeControl(Buffer.from("exec\0"))).rejects.toMatchObject({ code: "conflict" });
  });

  test("signals: SIGINT interrupts, what is not fatal is ignored, SIGKILL ends the kernel", async () => {
    await using session = await open();
    await session.kernel.signal("SIGINT");
    expect(await session.value("1")).toBe(1);
    await session.send("for (;;);", {});
    await session.kernel.signal("SIGINT");
    expect((await session.outcome()).ending).toMatchObject({ name: "Interrupted" });
    await session.kernel.signal("SIGCHLD");
    await session.kernel.signal("SIGKILL", "descendants");
    expect(await session.value("2")).toBe(2);
    await session.kernel.signal("SIGKILL", "tree");
    expect((await session.outcome()).exit).toMatchObject({ signal: "SIGKILL" });
    await session.restart();
    expect(await session.value("3")).toBe(3);
  });
});
