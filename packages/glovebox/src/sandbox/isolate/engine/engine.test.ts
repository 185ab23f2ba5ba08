import { MessageChannel } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import type { KernelOptions } from "../../driver.ts";
import { KernelMessageReader } from "../../kernel/index.ts";
import type { KernelMessage, KernelRequest } from "../../kernel-message.ts";
import { engineModule } from "../engine-module.ts";
import type { FromWorker, HostAnswer, HostCall } from "../messages.ts";
import { newWords, WORD } from "../shared-words.ts";
import { Channel } from "./channel.ts";
import { Engine } from "./engine.ts";
import { createInstance } from "./instance.ts";
import { MemoryCap } from "./memory-cap.ts";

/** The worker's side on this thread: what it posts is kept, what it asks is answered by `answer`. */
async function engine(options: KernelOptions = {}, answer?: (call: HostCall) => Partial<HostAnswer>, cpus = 1) {
  const words = newWords();
  const { port1, port2 } = new MessageChannel();
  const reader = new KernelMessageReader();
  const posted: FromWorker[] = [];
  const messages: KernelMessage[] = [];
  const channel = new Channel(words, port2, (message) => {
    posted.push(message);
    if (message.t === "output" && message.stream === "control") messages.push(...reader.push(message.data));
    if (message.t === "call") port1.postMessage({ call: message.call, ...answer?.(message) });
  });
  const grown: number[] = [];
  const cap = new MemoryCap(
    (pages) => grown.push(pages),
    () => grown.push(Number.POSITIVE_INFINITY),
  );
  const made = new Engine(await createInstance(await engineModule(), cap), channel);
  cap.join(newWords(1), 4096);
  made.warmUp();
  made.setup({ options, env: {}, pagesUsed: newWords(1), maxPages: 4096, cpus });
  let serial = 0;
  const run = (source: string, request: Partial<KernelRequest> = {}): readonly KernelMessage[] => {
    messages.length = 0;
    serial += 1;
    made.run(serial, { id: "r", mode: "repl", language: "javascript", args: [], env: {}, source, ...request });
    return [...messages];
  };
  return { run, posted, words, grown, close: () => port1.close() };
}

describe("the engine on its thread", () => {
  test("a rehearsal leaves no trace", async () => {
    const { run, posted, close } = await engine();
    expect(posted).toEqual([]);
    expect(run("1", { mode: "rehearsal" })).toMatchObject([{ t: "value", json: 1 }, { t: "done" }]);
    expect(run("new Error().stack")).toMatchObject([
      { t: "value", preview: expect.stringContaining("input-1:1") },
      { t: "done" },
    ]);
    close();
  });

  test("values, console, errors, timers, jobs, exit", async () => {
    const { run, close } = await engine();
    expect(run("console.log('a'); await 1; setTimeout(() => console.log('b'), 1); ({ x: 1 })").map((m) => m.t)).toEqual(
      ["console", "console", "value", "done"],
    );
    expect(run("throw 'text'")[0]).toMatchObject({ name: "Thrown", message: "text" });
    expect(run("Promise.reject(new TypeError('r'))")[0]).toMatchObject({ name: "TypeError", message: "r" });
    expect(run("(")[0]).toMatchObject({ name: "SyntaxError", line: 1 });
    expect(run("const n: = 1", { language: "typescript" })[0]).toMatchObject({ name: "SyntaxError", line: 1 });
    expect(run("await new Promise(() => {})")[0]).toMatchObject({ t: "exception" });
    expect(run("require('fs')")[0]).toMatchObject({ name: "module_not_allowed" });
    expect(run("for (let i = 0; i < 10001; i++) setTimeout(() => {}, 1e6)")[0]).toMatchObject({ t: "exception" });
    expect(
      run("setTimeout(() => { throw new Error('first') }, 1); await new Promise(() => setInterval(() => {}, 1e6))")[0],
    ).toMatchObject({ message: "first" });
    close();
  });

  test("an interrupt that is already there ends the request, and not the next one", async () => {
    const { run, words, close } = await engine();
    Atomics.store(words, WORD.interrupt, 1);
    expect(run("for (;;);")[0]).toMatchObject({ name: "Interrupted" });
    expect(run("1 + 1")[0]).toMatchObject({ json: 2 });
    Atomics.store(words, WORD.interrupt, 3);
    expect(run("await new Promise((done) => setTimeout(done, 1e6))")[0]).toMatchObject({ name: "Interrupted" });
    expect(run("2")[0]).toMatchObject({ json: 2 });
    close();
  });

  test("files come from the server's answers", async () => {
    const files: Record<string, string> = {
      "/workspace/main.js":
        "import v from './v.ts'; import j from './j.json'; console.log(v, j.k, process.argv[1]); process.exit(2)",
      "/workspace/v.ts": "enum E { A = 1 } export default E.A as number",
      "/workspace/j.json": '{"k":2}',
      "/workspace/c.cjs": "module.exports = require('./j.json')",
    };
    const asked: string[] = [];
    const { run, close } = await engine({}, ({ name, input }) => {
      asked.push(name);
      const path = (JSON.parse(input) as string[]).find((candidate) => candidate in files);
      if (path === undefined) return { ok: false, code: "not_found", message: "no such file" };
      return { ok: true, json: JSON.stringify(path), bytes: Buffer.from(files[path]!) };
    });
    const ran = run("main.js", { mode: "file" });
    expect(ran[0]).toMatchObject({ text: "1 2 main.js" });
    expect(ran[1]).toMatchObject({ name: "ExitStatus", exitCode: 2 });
    expect(run("require('./c.cjs')")[0]).toMatchObject({ json: { k: 2 } });
    expect(run("c.cjs", { mode: "file" })[0]).toMatchObject({ t: "value", type: "undefined" });
    expect(run("none.js", { mode: "file" })[0]).toMatchObject({ name: "not_found" });
    expect(run("../x.js", { mode: "file" })[0]).toMatchObject({ name: "invalid_path" });
    expect(run("await import('none')")[0]).toMatchObject({ name: "module_not_allowed" });
    expect(run("await import('./none')")[0]).toMatchObject({ name: "not_found" });
    expect(new Set(asked)).toEqual(new Set(["load"]));
    close();
  });

  test("host modules turn answers into values, bytes and errors", async () => {
    const { run, close } = await engine({ modules: { fs: {}, exec: {}, database: {} } }, ({ name, bytes }) => {
      if (name === "read") return { ok: true, bytes: Buffer.from("héllo") };
      if (name === "write") return { ok: true, json: JSON.stringify(Buffer.from(bytes ?? []).toString()) };
      if (name === "db.open") return { ok: true, json: '{"id":1}' };
      if (name === "db.all") return { ok: true, json: '[{"a":{"bigint":"9007199254740993"},"b":{"hex":"00ff"}}]' };
      if (name === "exec") return { ok: true, json: '{"status":1,"signal":null,"stdout":"","stderr":"bad"}' };
      return { ok: false, code: "not_found", message: "none" };
    });
    expect(run("const fs = require('fs'); fs.readFileSync('x', 'utf8')")[0]).toMatchObject({ json: "héllo" });
    expect(run("fs.readFileSync('x').length")[0]).toMatchObject({ json: 6 });
    expect(run("fs.writeFileSync('x', 'y')")[0]).toMatchObject({ t: "value" });
    expect(run("fs.writeFileSync('x', 5)")[0]).toMatchObject({ name: "TypeError" });
    expect(run("try { fs.statSync('x') } catch (e) { e.code }")[0]).toMatchObject({ json: "ENOENT" });
    expect(run("const r = require('database').open('d').get('q'); [String(r.a), [...r.b]]")[0]).toMatchObject({
      json: ["9007199254740993", [0, 255]],
    });
    expect(run("require('exec').execSync('x')")[0]).toMatchObject({ message: expect.stringContaining("bad") });
    expect(run("(await import('node:fs')).readFileSync === fs.readFileSync")[0]).toMatchObject({ json: true });
    close();
  });

  test("libraries, strict mode, console to stdio", async () => {
    const libraries = { lib: "exports.one = 1", plain: "globalThis.plain = 2" };
    const { run, posted, close } = await engine({ libraries, strict: true, console: "stdio" });
    expect(run("[lib.one, plain, (function () { return this })()]")[0]).toMatchObject({ json: [1, 2, null] });
    run("console.error('e')");
    expect(posted.filter((message) => message.t === "output").map((message) => message.stream)).toContain("stderr");
    await expect(engine({ libraries: { bad: "0" } })).rejects.toThrow("the library bad does not run");
    close();
  });

  test("memory grows through the cap, a share of the CPU is kept", async () => {
    const { run, grown, close } = await engine({}, undefined, 0.2);
    run("globalThis.kept = new ArrayBuffer(4e7)");
    expect(grown.at(-1)).toBeGreaterThan(600);
    const [, done] = run("const end = Date.now() + 500; while (Date.now() < end);");
    expect(done?.t === "done" && (done.cpuMs ?? 0)).toBeLessThan(400);
    run("globalThis.more = new ArrayBuffer(3e8)");
    expect(grown.at(-1)).toBe(Number.POSITIVE_INFINITY);
    close();
  });
});
