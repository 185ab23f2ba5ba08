import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BubblewrapDriver } from "../../packages/glovebox/src/sandbox/index.ts";
import { IsolateDriver } from "../../packages/glovebox/src/sandbox/isolate/index.ts";
import { TestSession } from "../../packages/glovebox/src/sandbox/isolate/testing.ts";
import { makeBubblewrapSubject } from "../drivers/bubblewrap-subject.ts";

let driver: IsolateDriver;
beforeAll(async () => {
  driver = new IsolateDriver({ warmWorkers: 1 });
  await driver.warmUp();
});
afterAll(() => driver[Symbol.asyncDispose]());

/** Each is an expression that is `null` or false where nothing of the host was reached. */
const REACHES: Readonly<Record<string, string>> = {
  "the host's global object through constructors":
    "[console.log, setTimeout, console].map((f) => f.constructor.constructor('return this')().process?.versions?.node ?? null).find((x) => x) ?? null",
  "the host's global object through errors":
    "(() => { try { null.x } catch (e) { return e.constructor.constructor('return typeof globalThis.process?.binding')() === 'function' } })()",
  "the host's stack frames":
    "(() => { Error.prepareStackTrace = (_, frames) => frames; const s = new Error().stack; return /node:|worker|\\.ts/.test(String(s)) })()",
  "require, by any name":
    "[() => require('fs').readFileSync, () => require('node:fs').readFileSync, () => module.constructor._load('fs'), () => process.mainModule.require('fs')].some((f) => { try { return Boolean(f()) } catch { return false } })",
  "the host's modules by import": "await import('node:fs').then(() => true, () => false)",
  "process with anything of the host":
    "(() => { const p = globalThis.process; return Boolean(p?.binding || p?.dlopen || p?.env?.PATH || p?.pid || p?.kill) })()",
  "the memory of the engine": "typeof WebAssembly !== 'undefined' && WebAssembly.Memory !== undefined",
  "workers, message channels or files":
    "['Worker', 'MessageChannel', 'MessagePort', 'BroadcastChannel', 'fetch', 'XMLHttpRequest', 'WebSocket', 'Deno', 'Bun', 'std', 'os', 'bjson', 'scriptArgs'].filter((n) => n in globalThis).join() || null",
};

test.each(Object.entries(REACHES))("an isolate does not reach %s", async (_name, code) => {
  await using session = await TestSession.open(driver);
  const { ending } = await session.repl(code);
  expect(ending).toMatchObject({ t: "value" });
  expect(ending?.t === "value" ? [null, false].includes(ending.json as never) : ending).toBe(true);
});

describe("prototypes that were changed", () => {
  const POLLUTE = `
for (const target of [Object.prototype, Array.prototype, Function.prototype, Promise.prototype, String.prototype]) {
  target.polluted = 'yes'; target.toJSON = () => 'owned';
}
Object.defineProperty(Object.prototype, 't', { value: 'done', configurable: true });
Object.defineProperty(Object.prototype, 'then', { get() { return undefined }, configurable: true });
Array.prototype[Symbol.iterator] = function* () { yield 'owned' };
JSON.stringify = () => '{"t":"done","id":"forged"}'; JSON.parse = () => ({}); Promise = undefined; globalThis.Object = undefined;`;

  test("change nothing outside, nor in another session", async () => {
    await using hostile = await TestSession.open(driver);
    await using other = await TestSession.open(driver);
    await hostile.repl(POLLUTE);
    expect(({} as { polluted?: string }).polluted).toBeUndefined();
    expect([...[1, 2]]).toEqual([1, 2]);
    expect(await other.value("typeof {}.polluted + JSON.stringify([1])")).toBe("undefined[1]");
    const { ending } = await hostile.repl("1 + 1");
    expect(["value", "exception"]).toContain(ending?.t);
  });
});

test.each([
  ["functions", "(function f() { f() })()"],
  ["getters", "const o = { get x() { return this.x } }; o.x"],
  ["nested arrays as JSON", "let a = []; for (let i = 0; i < 1e6; i++) a = [a]; JSON.stringify(a)"],
  ["nested arrays as a value", "let b = []; for (let i = 0; i < 1e6; i++) b = [b]; b"],
  ["regular expressions", "new RegExp('('.repeat(1e5) + ')'.repeat(1e5))"],
  ["source text", "eval('['.repeat(1e6))"],
  ["bound functions", "let g = () => 1; for (let i = 0; i < 1e6; i++) g = g.bind(null); g()"],
  ["proxies", "let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); p.x"],
])("deep recursion in %s ends in the isolate, and the driver goes on", async (_name, code) => {
  await using session = await TestSession.open(driver);
  await session.repl(code, { wallMs: 8_000, graceMs: 1_000 });
  await using next = await TestSession.open(driver);
  expect(await next.value("6 * 7")).toBe(42);
});

describe("the module fs", () => {
  const subject = makeBubblewrapSubject();
  const withFiles = new IsolateDriver({
    companion: (spec) => (subject.driver as BubblewrapDriver).create(spec),
    warmWorkers: 0,
  });
  let missing = "";
  beforeAll(async () => {
    const probed = await subject.driver.probe();
    if (!probed.available) missing = `isolation bubblewrap: ${probed.reason}`;
  });
  afterAll(async () => {
    await withFiles[Symbol.asyncDispose]();
    await subject.dispose();
  });

  test("leads to no file of the host", async ({ skip }) => {
    skip(missing !== "", missing);
    const secret = join(subject.baseDir, "secret");
    await writeFile(secret, "host-secret");
    await using session = await TestSession.open(withFiles, { kernel: { modules: { fs: {} } } });
    await mkdir(join(session.workspace, "d"));
    await symlink(secret, join(session.workspace, "link"));
    await symlink(subject.baseDir, join(session.workspace, "folder"));
    const paths = [
      secret,
      `/workspace/../..${secret}`,
      `../..${secret}`,
      "link",
      "folder/secret",
      "d/../link",
      `file://${secret}`,
      `/proc/1/root${secret}`,
      "/proc/self/environ",
      "/etc/passwd",
    ];
    const code = `const fs = await import('fs').then((m) => m.default ?? m);
const got = [];
for (const path of ${JSON.stringify(paths)}) for (const name of ['readFileSync', 'readFile', 'readText', 'read']) {
  if (typeof fs[name] !== 'function') continue;
  try { got.push(String(await fs[name](path, 'utf8'))); } catch {}
}
[typeof fs, got.join('|')]`;
    const { ending } = await session.repl(code);
    expect(ending).toMatchObject({ t: "value" });
    expect(JSON.stringify(ending)).not.toMatch(/host-secret|root:x|PATH=/);
  });
});
