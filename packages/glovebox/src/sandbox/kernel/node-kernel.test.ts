import { describe, expect, it } from "vitest";
import type { KernelOptions } from "../driver.ts";
import type { KernelMessage } from "../kernel-message.ts";
import { TestKernel } from "./test-kernel.ts";

const start = (kernelOptions?: KernelOptions) => new TestKernel("javascript", kernelOptions && { kernelOptions });
const typescript = { language: "typescript" } as const;
const texts = (messages: readonly KernelMessage[]) =>
  messages.flatMap((one) => (one.t === "console" ? [one.text] : []));

describe("the Node kernel", () => {
  it("says what it is before anything else", async () => {
    await using kernel = start();
    expect(await kernel.ready).toEqual({ t: "ready", language: "javascript", version: process.versions.node });
  });

  it("gives console calls and then the value of the last expression", async () => {
    await using kernel = start();
    const { messages, stdout } = await kernel.run('console.log("x"); 20+22');
    expect(messages).toEqual([
      { t: "console", id: "r1", level: "log", text: "x" },
      { t: "value", id: "r1", type: "number", preview: "42", json: 42 },
    ]);
    expect(stdout).toBe("");
  });

  it("keeps variables of every kind, and lets them be declared again", async () => {
    await using kernel = start();
    await kernel.run("const a = 1; let b = 2; var c = 3; class D { x = 4 } function e() { return 5 }");
    expect((await kernel.run("[a, b, c, new D().x, e()]")).ending).toMatchObject({ json: [1, 2, 3, 4, 5] });
    await kernel.run("const a = 10; let b = 20; var c = 30; class D { x = 40 } function e() { return 50 }");
    expect((await kernel.run("[a, b, c, new D().x, e()]")).ending).toMatchObject({ json: [10, 20, 30, 40, 50] });
    expect((await kernel.run("a = 1")).ending).toMatchObject({
      name: "TypeError",
      message: "Assignment to constant variable.",
    });
  });

  it("awaits at the top level, and the promise that is the last expression", async () => {
    await using kernel = start();
    await kernel.run("const later = (v, ms = 20) => new Promise((r) => setTimeout(r, ms, v))");
    expect((await kernel.run("const v = await later(4); v + 1")).ending).toMatchObject({ json: 5 });
    expect((await kernel.run("later(6)")).ending).toMatchObject({ json: 6 });
    expect((await kernel.run("(async () => { throw new Error('in main') })()")).ending).toMatchObject({
      message: "in main",
    });
    expect((await kernel.run("for await (const x of [1, 2]) console.log(x)")).messages).toHaveLength(3);
  });

  it("takes an object literal for an object, and a block for a block", async () => {
    await using kernel = start();
    expect((await kernel.run("{a: 1, b: {c: 2}}")).ending).toMatchObject({ json: { a: 1, b: { c: 2 } } });
    expect((await kernel.run("{ let q = 1; q + 1 }")).ending).toMatchObject({ json: 2 });
  });

  it("tells of an exception with the user's frames only, and its line", async () => {
    await using kernel = start();
    await kernel.run("function inner() {\n  throw new RangeError('no é')\n}");
    const { ending } = await kernel.run("1;\n\ninner()");
    expect(ending).toEqual({
      t: "exception",
      id: "r2",
      name: "RangeError",
      message: "no é",
      stack: "RangeError: no é\n    at inner (input-1:2:9)\n    at input-2:3:1",
      line: 3,
    });
  });

  it("tells of syntax errors with their line and what is there", async () => {
    await using kernel = start();
    const { ending } = await kernel.run("let ok = 1;\nlet = ;");
    expect(ending).toMatchObject({ name: "SyntaxError", line: 2, stack: expect.stringContaining("let = ;\n") });
    expect((await kernel.run("ok")).ending).toMatchObject({ name: "ReferenceError" });
    expect((await kernel.run("JSON.parse('{')")).ending).toMatchObject({ name: "SyntaxError", line: 1 });
    expect((await kernel.run("if (")).ending).toMatchObject({ name: "SyntaxError", line: 1 });
  });

  it("takes anything thrown", async () => {
    await using kernel = start();
    expect((await kernel.run("throw 5")).ending).toMatchObject({ name: "Thrown", message: "5" });
    expect((await kernel.run("throw 'text'")).ending).toMatchObject({ message: "text" });
    expect((await kernel.run("throw null")).ending).toMatchObject({ message: "null" });
    const hostile = "throw { get name() { throw 1 }, get message() { throw 2 }, get stack() { throw 3 } }";
    expect((await kernel.run(hostile)).ending).toMatchObject({ t: "exception", name: "Thrown" });
    expect((await kernel.run("throw Object.assign(new Error('m'), { name: 5, stack: {} })")).ending).toMatchObject({
      message: "m",
    });
    const cause = await kernel.run("throw new Error('outer', { cause: new Error('inner') })");
    expect(cause.ending).toMatchObject({ stack: expect.stringContaining("inner") });
  });

  it("makes errors that nobody awaits an exception of the request, and lives", async () => {
    await using kernel = start();
    await kernel.run("var kept = 1");
    expect((await kernel.run("Promise.reject(new Error('side')); 5")).ending).toMatchObject({ message: "side" });
    const late = await kernel.run(
      "setTimeout(() => { throw new Error('late') }, 5); await new Promise((r) => setTimeout(r, 500))",
    );
    expect(late.ending).toMatchObject({ message: "late", line: 1 });
    expect((await kernel.run("process.nextTick(() => { throw new Error('tick') }); 1")).ending).toMatchObject({
      message: "tick",
    });
    await kernel.run("setTimeout(() => { throw new Error('idle') }, 1); 1");
    const after = await kernel.run("await new Promise((r) => setTimeout(r, 1)); kept");
    expect([after.ending.t === "value" ? after.ending.json : after.ending.message]).toEqual([
      expect.toBeOneOf([1, "idle"]),
    ]);
    expect((await kernel.run("kept")).ending).toMatchObject({ json: 1 });
  });

  it("survives exits and gives their status", async () => {
    await using kernel = start();
    await kernel.run("var kept = 1");
    expect((await kernel.run("process.exit(3); kept = 2")).ending).toMatchObject({ name: "ExitStatus", exitCode: 3 });
    expect((await kernel.run("process.exit()")).ending).toMatchObject({ t: "value", type: "undefined" });
    const later = await kernel.run("setTimeout(() => process.exit(4), 5); await new Promise(() => {})");
    expect(later.ending).toMatchObject({ exitCode: 4 });
    expect((await kernel.run("kept")).ending).toMatchObject({ json: 1 });
  });

  const BEGUN = "require('node:fs').writeFileSync('begun', '');";
  it.each([
    ["a loop", `${BEGUN} while (true) {}`],
    ["a promise that stays pending", `${BEGUN} await new Promise(() => {})`],
    ["a loop after an await", `await null; ${BEGUN} while (true) {}`],
    // Long enough that the kernel has seen the wait begin: see `interrupts.cjs`.
    ["a loop in a callback", `await new Promise((r) => setTimeout(r, 400)); ${BEGUN} while (true) {}`],
    ["a loop of timers", `${BEGUN} await new Promise(() => { const f = () => setImmediate(f); f() })`],
    ["a value's own code", `({ [Symbol.for('nodejs.util.inspect.custom')]() { ${BEGUN} while (true) {} } })`],
    ["a child", "require('node:child_process').execSync('touch begun; sleep 60')"],
    ["a lock", `${BEGUN} Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)`],
  ])("is interrupted in %s and keeps its state", async (_, code) => {
    await using kernel = start();
    await kernel.run("var kept = 1; const lasting = 2");
    const ask = { interruptAfterMs: 100, begunFile: "begun" };
    expect((await kernel.run(code, ask)).ending).toMatchObject({ t: "exception" });
    expect((await kernel.run("kept + lasting")).ending).toMatchObject({ json: 3 });
    expect((await kernel.run("await new Promise((r) => setTimeout(r, 20, 'on'))")).ending).toMatchObject({
      json: "on",
    });
  });

  it("ignores interrupts while idle, and takes back a listener that the code set", async () => {
    await using kernel = start();
    await kernel.run("process.on('SIGINT', () => {}); var kept = 1");
    kernel.interrupt();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await kernel.run("kept")).ending).toMatchObject({ json: 1 });
    kernel.interrupt();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const loop = `${BEGUN} while (true) {}`;
    expect((await kernel.run(loop, { interruptAfterMs: 100, begunFile: "begun" })).ending).toMatchObject({
      name: "Interrupted",
    });
    expect((await kernel.run("kept")).ending).toMatchObject({ json: 1 });
  });

  it("holds what waits for ever through collections of garbage", async () => {
    await using kernel = start();
    const churn = "const t = setInterval(() => { globalThis.junk = Array.from({ length: 2e5 }, () => ({})) }, 1)";
    const waiting = `${churn}; ${BEGUN} await new Promise(() => {})`;
    const { ending } = await kernel.run(waiting, { interruptAfterMs: 900, begunFile: "begun" });
    expect(ending).toMatchObject({ name: "Interrupted" });
    expect((await kernel.run("clearInterval(t); 'alive'")).ending).toMatchObject({ json: "alive" });
  });

  it("imports and requires modules of Node and of the workspace", async () => {
    await using kernel = start();
    kernel.file("lib/math.mjs", "export const twice = (n) => n * 2;\nexport default 'math';\n");
    kernel.file("old.cjs", "exports.old = __filename.endsWith('old.cjs');\n");
    kernel.file("node_modules/dep/index.js", "module.exports = { dep: true };\n");
    const first = await kernel.run(
      'import name, { twice as double } from "./lib/math.mjs";\nimport * as path from "node:path";\nimport "./lib/math.mjs"\n;[name, double(4), path.basename("/a/b")]',
    );
    expect(first.ending).toMatchObject({ json: ["math", 8, "b"] });
    expect((await kernel.run("(await import('./lib/math.mjs')).default")).ending).toMatchObject({ json: "math" });
    expect((await kernel.run("require('./old.cjs').old")).ending).toMatchObject({ json: true });
    expect((await kernel.run("(await import('dep')).default.dep && require('dep').dep")).ending).toMatchObject({
      json: true,
    });
    expect((await kernel.run("'import(\"x\")' + `${/import('y')/.source}`")).ending).toMatchObject({
      json: "import(\"x\")import('y')",
    });
    const missing = await kernel.run("import nope from './nope.mjs'");
    expect(missing.ending).toMatchObject({ t: "exception", message: expect.stringContaining("nope.mjs") });
  });

  it("runs TypeScript, with what is more than types", async () => {
    await using kernel = start();
    const { ending } = await kernel.run("interface P { x: number }\nconst p: P = { x: 4 };\np.x as number", typescript);
    expect(ending).toMatchObject({ json: 4 });
    expect((await kernel.run("enum Color { Red = 2, Blue }\nColor.Blue", typescript)).ending).toMatchObject({
      json: 3,
    });
    expect((await kernel.run("Color.Red + p.x")).ending).toMatchObject({ json: 6 });
    const bad = await kernel.run("let y: number = 1;\nlet z: = 4", typescript);
    expect(bad.ending).toMatchObject({ name: "SyntaxError", line: 2 });
    expect(
      (await kernel.run("import type { A } from './a.ts';\nconst v: number = 1\nv", typescript)).ending,
    ).toMatchObject({ json: 1 });
    const thrown = await kernel.run("type T = number;\n\nthrow new Error('x') as T", typescript);
    expect(thrown.ending).toMatchObject({ line: 3 });
  });

  it("runs a file with the session's globals, its arguments, environment and folder, anew each time", async () => {
    await using kernel = start();
    await kernel.run("const SEED = 40; globalThis.count = 0");
    const path = kernel.file(
      "main.mjs",
      "import { basename } from 'node:path';\nconsole.log(SEED + 2, process.argv.slice(2), process.env.WHO, process.cwd(), basename(import.meta.url), ++count);\n",
    );
    const ask = { mode: "file", args: ["a b", "é"], env: { WHO: "me" }, cwd: "/usr" } as const;
    expect(texts((await kernel.run(path, ask)).messages)[0]).toBe("42 [ 'a b', 'é' ] me /usr main.mjs?run=1 1");
    expect(texts((await kernel.run(path, ask)).messages)[0]).toMatch(/ 2$/);
    const after = await kernel.run("[process.argv.length, process.env.WHO ?? null, process.cwd()]");
    expect(after.ending).toMatchObject({ json: [2, null, kernel.workspace] });
  });

  it("ends a file when what it started has ended", async () => {
    await using kernel = start();
    const timers = "setTimeout(() => console.log('timer'), 40);\nconsole.log('file');\n";
    const { messages } = await kernel.runFile("timers.mjs", timers);
    expect(texts(messages)).toEqual(["file", "timer"]);
    await kernel.run("const server = require('node:http').createServer((q, s) => s.end('hi')).listen(0); 1");
    expect(texts((await kernel.runFile("timers.mjs", timers)).messages)).toEqual(["file", "timer"]);
    const asked = "const r = await fetch(`http://localhost:${server.address().port}`); console.log(await r.text())";
    expect(texts((await kernel.runFile("fetch.mjs", asked)).messages)).toEqual(["hi"]);
    await kernel.run("server.close()");
    const stuck = await kernel.runFile("stuck.mjs", "await new Promise(() => {})");
    expect(stuck.ending).toMatchObject({ exitCode: 13 });
    expect((await kernel.runFile("code.mjs", "process.exitCode = 7")).ending).toMatchObject({ exitCode: 7 });
  });

  it("tells of a file's errors with the file's line", async () => {
    await using kernel = start();
    expect((await kernel.runFile("a.mjs", "\n\nnull.x")).ending).toMatchObject({ name: "TypeError", line: 3 });
    expect((await kernel.runFile("b.cjs", "\nthrow new Error('b')")).ending).toMatchObject({ line: 2 });
    expect((await kernel.runFile("c.mjs", "\nlet x = ;")).ending).toMatchObject({ name: "SyntaxError", line: 2 });
    expect((await kernel.runFile("d.cjs", "\nlet x = ;")).ending).toMatchObject({ name: "SyntaxError", line: 2 });
    expect((await kernel.runFile("e.ts", "let a: number = 1;\nlet x: = ;")).ending).toMatchObject({
      name: "SyntaxError",
      line: 2,
    });
    expect((await kernel.run("none.mjs", { mode: "file" })).ending).toMatchObject({
      message: expect.stringContaining("ENOENT"),
    });
    const { ending } = await kernel.runFile(
      "loop.mjs",
      "import { writeFileSync } from 'node:fs'; writeFileSync('begun', ''); while (true) {}",
      { interruptAfterMs: 200, begunFile: "begun" },
    );
    expect(ending).toMatchObject({ name: "Interrupted" });
  });

  it("runs TypeScript files, also those that are imported", async () => {
    await using kernel = start();
    kernel.file("lib.ts", "export enum E { A = 1, B }\nexport type T = number;\n");
    const { messages } = await kernel.runFile(
      "main.ts",
      "import { E, type T } from './lib.ts';\nconst v: T = E.B;\nconsole.log(v);\n",
    );
    expect(texts(messages)).toEqual(["2"]);
    const common = await kernel.runFile(
      "old.cts",
      "const os = require('node:os');\nconst n: string = os.EOL;\nconsole.log(JSON.stringify(n));\n",
    );
    expect(texts(common.messages)).toEqual(['"\\n"']);
  });

  it("honours runtime.esm and runtime.strict", async () => {
    await using loose = start();
    expect((await loose.run("undeclared = 1")).ending).toMatchObject({ json: 1 });
    const both = "console.log(typeof module.exports, this === module.exports, typeof require.resolve)";
    await using scripts = start({ esm: false });
    expect(texts((await scripts.runFile("x.js", both)).messages)).toEqual(["object true function"]);
    expect(
      texts((await scripts.runFile("y.js", "undeclared2 = 3; console.log(require.main === module)")).messages),
    ).toEqual(["true"]);
    expect(
      texts((await loose.runFile("x.js", "console.log(this, import.meta.filename.endsWith('x.js'))")).messages),
    ).toEqual(["undefined true"]);
    await using strict = start({ esm: false, strict: true });
    expect((await strict.run("undeclared = 1")).ending).toMatchObject({ name: "ReferenceError" });
    expect((await strict.runFile("y.js", "\nundeclared2 = 3")).ending).toMatchObject({
      name: "ReferenceError",
      line: 2,
    });
  });

  it("honours runtime.console", async () => {
    const code = "console.log('out', {a: 1}); console.error('err'); console.debug('dbg'); console.table([1]); 1";
    await using stdio = start({ console: "stdio" });
    const printed = await stdio.run(code);
    expect(printed.messages).toHaveLength(1);
    expect(printed.stdout).toContain("out { a: 1 }\ndbg\n┌");
    expect(printed.stderr).toBe("err\n");
    await using off = start({ console: "off" });
    const silent = await off.run(code);
    expect([silent.messages.length, silent.stdout, silent.stderr]).toEqual([1, "", ""]);
    await using events = start({ console: "events" });
    const { messages } = await events.run(
      "console.group('g'); console.warn('%s!', 'w', {a: 1}); console.groupEnd(); console.info(1n); console.count(); console.assert(false, 'as'); console.trace('tr'); console.dir({b: 2})",
    );
    expect(messages.flatMap((one) => (one.t === "console" ? [[one.level, one.text.split("\n")[0]]] : []))).toEqual([
      ["log", "g"],
      ["warn", "  w! { a: 1 }"],
      ["info", "1n"],
      ["log", "default: 1"],
      ["warn", "Assertion failed: as"],
      ["error", "Trace: tr"],
      ["log", "{ b: 2 }"],
    ]);
    expect(messages[1]).toMatchObject({ args: ["%s!", "w", { a: 1 }] });
  });

  it("honours the resolver: roots, extensions, absolute imports", async () => {
    const resolver = { roots: ["src", "."], extensions: [".js", ".ts"], allowAbsoluteRepoImports: true };
    await using kernel = start({ resolver });
    kernel.file("src/tool.ts", "export const tool: string = 'tool';\n");
    kernel.file("src/dir/index.js", "export const dir = 'dir';\n");
    kernel.file("top.js", "export const top = 'top';\n");
    const code =
      "import { tool } from 'tool';\nimport { dir } from './src/dir';\nimport { top } from '/top';\nimport { top as again } from '/top.js';\nconsole.log(tool, dir, top, again);\n";
    expect(texts((await kernel.runFile("main.mjs", code)).messages)).toEqual(["tool dir top top"]);
    expect(
      (await kernel.run("import { tool } from 'tool'; import { top } from '/top'; tool + top")).ending,
    ).toMatchObject({ json: "tooltop" });
    await using plain = start({ resolver: { roots: ["."], extensions: [".mjs"], allowAbsoluteRepoImports: false } });
    plain.file("top.mjs", "export const top = 1;\n");
    expect((await plain.run("import { top } from '/top.mjs'; top")).ending.t).toBe("exception");
    expect((await plain.run("import { top } from './top'; top")).ending).toMatchObject({ json: 1 });
  });

  it("describes values within bounds, however large or hostile", async () => {
    await using kernel = start();
    const value = async (code: string) =>
      (await kernel.run(code)).ending as { preview: string; json?: unknown; type: string };
    expect(await value("[1, 'a', null, { b: [true] }]")).toMatchObject({
      type: "Array",
      json: [1, "a", null, { b: [true] }],
    });
    expect(await value("new Map([[1, { a: 1 }]])")).toMatchObject({ type: "Map", preview: "Map(1) { 1 => { a: 1 } }" });
    expect(await value("new Date(0)")).toMatchObject({ type: "Date", json: "1970-01-01T00:00:00.000Z" });
    expect(await value("12345678901234567890n")).toMatchObject({ type: "bigint", preview: "12345678901234567890n" });
    expect(await value("-0")).toMatchObject({ type: "number", preview: "-0" });
    expect(await value("Symbol('s')")).toMatchObject({ type: "symbol", preview: "Symbol(s)" });
    expect(await value("undefined")).toEqual({
      t: "value",
      id: expect.anything(),
      type: "undefined",
      preview: "undefined",
    });
    expect((await value("'é'.repeat(1e6)")).preview.length).toBeLessThanOrEqual(4096);
    expect("json" in (await value("'é'.repeat(1e6)"))).toBe(false);
    expect((await value("Array.from({ length: 1e6 }, (_, i) => i)")).preview.length).toBeLessThanOrEqual(4096);
    expect("json" in (await value("const cyc = {}; cyc.self = cyc; cyc"))).toBe(false);
    expect("json" in (await value("let deep = []; for (let i = 0; i < 1e5; i++) deep = [deep]; deep"))).toBe(false);
    expect("json" in (await value("new Array(2 ** 32 - 1)"))).toBe(false);
    expect(
      (await value("new Proxy({}, { get() { throw 1 }, getPrototypeOf() { throw 2 }, ownKeys() { throw 3 } })")).type,
    ).toBe("Proxy");
    expect((await value("({ get a() { throw new Error('g') } })")).type).toBe("Object");
    expect((await value("({ [Symbol.for('nodejs.util.inspect.custom')]() { throw 1 } })")).preview).toContain(
      "cannot be shown",
    );
    expect((await value("'a\\nb\\u2028c'")).preview).not.toMatch(/[\n\u2028]/);
    expect(await value("'\\ud800'")).toMatchObject({ json: "\ufffd" });
    expect((await value("Object.create(null)")).type).toBe("Object");
    expect(await value("JSON.parse('{\"__proto__\": 1}')")).toMatchObject({ type: "Object" });
  });

  it("writes to stdout what stdout is given, before it answers", async () => {
    await using kernel = start();
    const { stdout, stderr } = await kernel.run(
      "process.stdout.write('a'.repeat(300000)); process.stderr.write('e'); 1",
    );
    expect([stdout.length, stderr]).toEqual([300_000, "e"]);
    const input = kernel.run(
      "process.stdin.setEncoding('utf8'); const [line] = await require('node:events').once(process.stdin, 'data'); process.stdin.pause(); line",
    );
    kernel.process.stdin?.write("typed\n");
    expect((await input).ending).toMatchObject({ json: "typed\n" });
  });

  it("does not hand its descriptors to children", async () => {
    await using kernel = start();
    const { ending } = await kernel.run(
      "require('node:child_process').execSync('ls /proc/self/fd').toString().trim().split('\\n')",
    );
    expect((ending as { json?: string[] }).json).not.toContain("4");
    expect((await kernel.run("process.env.GLOVEBOX_KERNEL_OPTIONS ?? null")).ending).toMatchObject({ json: null });
  });

  it("survives code that breaks the globals which it uses itself", async () => {
    await using kernel = start();
    await kernel.run("Array.prototype.at = undefined; globalThis.Buffer = undefined; Map = null; console = null; 1");
    expect((await kernel.run("1 + 1")).ending).toMatchObject({ json: 2 });
  });

  it("takes large inputs, one after the other without waiting", async () => {
    await using kernel = start();
    expect((await kernel.run(`"${"x".repeat(1_000_000)}𝒳".length`)).ending).toMatchObject({ json: 1_000_002 });
    expect((await kernel.run("")).ending).toMatchObject({ type: "undefined" });
    for (let turn = 0; turn < 50; turn++) expect((await kernel.run(`${turn}`)).ending).toMatchObject({ json: turn });
  });

  it("ends when its requests end", async () => {
    await using kernel = start();
    await kernel.run("setInterval(() => {}, 1000); 1");
    (kernel.process.stdio[3] as NodeJS.WritableStream).end();
    expect((await kernel.exited).code).not.toBe(undefined);
  });
});
