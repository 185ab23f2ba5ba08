import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BubblewrapDriver } from "../bubblewrap/index.ts";
import type { KernelOptions } from "../driver.ts";
import { IsolateDriver } from "./index.ts";
import { TestSession } from "./testing.ts";

const runDir = await mkdtemp(join(tmpdir(), "glovebox-isolate-run-"));
const helpers = new BubblewrapDriver({ runDir });
const probe = await helpers.probe();
let driver: IsolateDriver;
beforeAll(() => {
  driver = new IsolateDriver({
    warmWorkers: 1,
    companion: (spec) => helpers.create({ ...spec, limits: { ...spec.limits, memoryMb: 256 } }),
  });
});
afterAll(async () => {
  await driver[Symbol.asyncDispose]();
  await helpers[Symbol.asyncDispose]();
  await rm(runDir, { recursive: true, force: true });
});

async function open(kernel: KernelOptions = {}, files: Record<string, string> = {}): Promise<TestSession> {
  const session = await TestSession.open(driver, { kernel });
  for (const [path, text] of Object.entries(files)) {
    const full = join(session.workspace, path);
    await mkdir(dirname(full), { recursive: true });
    await writeFile(full, text);
  }
  return session;
}

const texts = (outcome: Awaited<ReturnType<TestSession["file"]>>) =>
  outcome.messages.flatMap((message) => (message.t === "console" ? [message.text] : []));

describe.skipIf(!probe.available)("files and modules, with bubblewrap as helper", () => {
  test("a file sees the session's globals, args and env, and leaves its own globals", async () => {
    await using session = await open(
      {},
      {
        "main.js":
          "console.log(SEED + 2, args, env.A, process.argv.slice(2), import.meta !== undefined); globalThis.left = 1; const x = await 1;",
      },
    );
    await session.repl("globalThis.SEED = 40");
    const ran = await session.file("main.js", { args: ["one"], env: { A: "a" } });
    expect(texts(ran)).toEqual(["42 [ 'one' ] a [ 'one' ] true"]);
    expect(ran.ending).toMatchObject({ t: "value", type: "undefined" });
    expect(await session.value("[left, typeof process, typeof x]")).toEqual([1, "undefined", "undefined"]);
  });

  test("imports: relative, extensions, index files, roots, JSON, TypeScript", async () => {
    await using session = await open(
      { resolver: { roots: [".", "lib"], extensions: [".js", ".ts"], allowAbsoluteRepoImports: false } },
      {
        "src/main.ts":
          "import { a } from './a.js'; import b from '../b'; import c from 'c'; import d from './dir'; import j from './j.json'; console.log(a, b, c, d, j.k as number);",
        "src/a.js": "export const a = 1;",
        "b.ts": "enum E { X = 2 }\nexport default E.X;",
        "lib/c.js": "export { default } from './deeper/e';",
        "lib/deeper/e.js": "export default 3;",
        "src/dir/index.js": "export default 4;",
        "src/j.json": '{"k": 5}',
      },
    );
    expect(texts(await session.file("src/main.ts"))).toEqual(["1 2 3 4 5"]);
    expect((await session.repl("await import('/b.ts')")).ending).toMatchObject({ name: "module_not_allowed" });
    expect((await session.repl("await import('./missing.js')")).ending).toMatchObject({ name: "not_found" });
    expect((await session.repl("await import('unknown')")).ending).toMatchObject({ name: "module_not_allowed" });
  });

  test("absolute imports begin at the workspace where they are allowed", async () => {
    const resolver = { roots: ["."], extensions: [".js"], allowAbsoluteRepoImports: true };
    await using session = await open({ resolver }, { "x/y.js": "export default 7;" });
    expect(await session.value("(await import('/x/y')).default")).toBe(7);
    expect((await session.repl("await import('/../../etc/passwd')")).ending).toMatchObject({ t: "exception" });
  });

  test("a module that has changed is loaded again, one that has not keeps its state", async () => {
    await using session = await open(
      {},
      { "m.js": "import './n.js'; console.log('m')", "n.js": "globalThis.n = (globalThis.n ?? 0) + 1" },
    );
    await session.file("m.js");
    expect(texts(await session.file("m.js"))).toEqual(["m"]);
    expect(await session.value("n")).toBe(1);
    await writeFile(join(session.workspace, "n.js"), "globalThis.n = 100");
    await session.file("m.js");
    expect(await session.value("n")).toBe(100);
  });

  test("without ES modules files are scripts with require", async () => {
    await using session = await open(
      { esm: false },
      {
        "s.js":
          "const q = require('./q'); exports.x = 1; console.log(q.k, require('./c.json').k, __filename, this === exports)",
        "q.js": "exports.k = require('./c.json').k + 1",
        "c.json": '{"k":1}',
      },
    );
    for (let i = 0; i < 2; i += 1) expect(texts(await session.file("s.js"))).toEqual(["2 1 /workspace/s.js true"]);
    expect(await session.value("require('./q').k")).toBe(2);
  });

  test("process.exit ends a program with its code", async () => {
    await using session = await open(
      {},
      {
        "e.mjs": "setTimeout(() => console.log('late'), 1); try { process.exit(3) } finally { console.log('no') }",
        "z.mjs": "process.exit()",
      },
    );
    const ran = await session.file("e.mjs");
    expect(ran.ending).toMatchObject({ name: "ExitStatus", exitCode: 3 });
    expect(texts(ran)).toEqual([]);
    expect((await session.file("z.mjs")).ending).toMatchObject({ t: "value", type: "undefined" });
  });

  test("errors in files have the file's line", async () => {
    await using session = await open(
      {},
      { "t.js": "const a = 1;\n\nnull.x", "u.js": "import './t.js'", "v.js": "const a = 1;\nfoo bar" },
    );
    expect((await session.file("t.js")).ending).toMatchObject({ name: "TypeError", line: 3 });
    expect((await session.file("v.js")).ending).toMatchObject({ name: "SyntaxError", line: 2 });
    expect((await session.file("nope.js")).ending).toMatchObject({ name: "not_found" });
  });

  test("nothing leads out of the workspace: .., absolute paths, symlinks", async () => {
    await using session = await open({ modules: { fs: {} } }, { "in.js": "1" });
    await symlink("/etc/passwd", join(session.workspace, "evil.js"));
    await symlink("/etc", join(session.workspace, "etc"));
    for (const path of ["../x", "/etc/passwd", "evil.js", "etc/passwd", "a/../../x"]) {
      expect((await session.file(path)).ending, path).toMatchObject({ name: expect.stringMatching(/^invalid_path$/) });
    }
    for (const source of [
      "await import('./evil.js')",
      "require('./etc/passwd')",
      "require('fs').readFileSync('/etc/passwd')",
      "require('fs').readFileSync('evil.js')",
      "require('fs').readFileSync('../../../../etc/passwd')",
      "require('fs').writeFileSync('etc/x', 'y')",
      "require('fs').readdirSync('etc')",
      "require('fs').mkdirSync('etc/x')",
      "require('fs').mkdirSync('etc/x/y/z', { recursive: true })",
      "require('fs').renameSync('in.js', 'etc/in.js')",
      "require('fs').rmSync('etc/passwd')",
      "require('fs').rmSync('.', { recursive: true })",
      "require('fs').readFileSync('a\\0b')",
      "require('fs').readFileSync({ toString: () => '/etc/passwd' })",
    ]) {
      const { ending } = await session.repl(source);
      expect(ending, source).toMatchObject({ t: "exception" });
      expect(JSON.stringify(ending), source).toMatch(/EACCES|invalid_path|EROFS|not_found|ENOENT/);
    }
  });

  test("the module fs reads and writes the workspace", async () => {
    await using session = await open({ modules: { fs: {} } });
    await session.repl("const fs = require('fs'); import('fs').then((m) => globalThis.same = m.default === fs)");
    expect(await session.value("same")).toBe(true);
    expect(
      await session.value(
        "fs.writeFileSync('a.txt', 'h\\0é'); fs.appendFileSync('a.txt', '!'); fs.readFileSync('a.txt', 'utf8')",
      ),
    ).toBe("h\0é!");
    expect(await readFile(join(session.workspace, "a.txt"), "utf8")).toBe("h\0é!");
    expect(await session.value("[fs.readFileSync('a.txt').toString('hex'), fs.statSync('a.txt').size]")).toEqual([
      "6800c3a921",
      5,
    ]);
    expect(
      await session.value(
        "fs.writeFileSync('b.bin', new Uint8Array([0, 255]).subarray(1)); [...fs.readFileSync('b.bin')]",
      ),
    ).toEqual([255]);
    expect(
      await session.value(
        "fs.mkdirSync('d/e', { recursive: true }); fs.copyFileSync('a.txt', 'd/c'); fs.renameSync('d/c', 'd/f'); fs.readdirSync('d').sort()",
      ),
    ).toEqual(["e", "f"]);
    expect(
      await session.value(
        "fs.readdirSync('d', { withFileTypes: true }).filter((e) => e.isDirectory()).map((e) => e.name)",
      ),
    ).toEqual(["e"]);
    expect(
      await session.value(
        "fs.unlinkSync('d/f'); fs.rmSync('d', { recursive: true }); fs.rmSync('d', { force: true }); fs.existsSync('d')",
      ),
    ).toBe(false);
    expect(await session.value("await fs.promises.readFile('a.txt', 'utf8').then((t) => t.length)")).toBe(4);
    expect(await session.value("try { fs.readFileSync('none') } catch (e) { [e.code, e.path] }")).toEqual([
      "ENOENT",
      "none",
    ]);
    expect((await session.repl("fs.writeFileSync('big', 'x'.repeat(5e7))")).ending).toMatchObject({ t: "exception" });
  });

  test("fs can be read-only", async () => {
    await using session = await open({ modules: { fs: { readOnly: true } } }, { "a.txt": "a" });
    expect(await session.value("require('fs').readFileSync('a.txt', 'utf8')")).toBe("a");
    const { ending } = await session.repl("require('fs').writeFileSync('a.txt', 'b')");
    expect(ending).toMatchObject({ message: expect.stringContaining("EACCES") });
  });

  test("only what is offered can be called", async () => {
    await using session = await open({ modules: { exec: {} } });
    expect((await session.repl("require('fs')")).ending).toMatchObject({ name: "module_not_allowed" });
    expect((await session.repl("require('database')")).ending).toMatchObject({ name: "module_not_allowed" });
    expect((await session.repl("require('json')")).ending).toMatchObject({ name: "module_not_allowed" });
    expect(await session.value("JSON.parse(JSON.stringify({ a: 1 }))")).toEqual({ a: 1 });
  });

  test("the module exec runs programs in the helper sandbox", async () => {
    await using session = await open({ modules: { exec: {} } });
    await session.repl("const { execSync, execFileSync, spawnSync } = require('exec')");
    expect(await session.value("execSync('echo $A; pwd', { env: { A: 'x' } })")).toBe("x\n/workspace\n");
    expect(await session.value("execSync(['printf', '%s', '; ls'])")).toBe("; ls");
    expect(await session.value("execFileSync('cat', [], { input: 'in' })")).toBe("in");
    expect(await session.value("spawnSync('sh', ['-c', 'echo e >&2; exit 4'])")).toEqual({
      status: 4,
      signal: null,
      stdout: "",
      stderr: "e\n",
    });
    expect((await session.repl("execSync('exit 3')")).ending).toMatchObject({
      message: expect.stringContaining("status 3"),
    });
    expect((await session.repl("execSync('sleep 30', { timeout: 100 })")).ending).toMatchObject({
      message: expect.stringContaining("ETIMEDOUT"),
    });
    expect((await session.repl("execSync('yes')")).ending).toMatchObject({ message: expect.stringContaining("EFBIG") });
    expect((await session.repl("execSync([])")).ending).toMatchObject({ t: "exception" });
    expect((await session.repl("execSync('ls', { cwd: '/etc' })")).ending).toMatchObject({
      message: expect.stringContaining("EACCES"),
    });
  });

  test("an interrupt ends the program that the code waits for", async () => {
    await using session = await open({ modules: { exec: {} } });
    const { ending } = await session.repl("require('exec').execSync('sleep 33.5')", { wallMs: 1500, graceMs: 2000 });
    expect(ending).toMatchObject({ name: "Interrupted" });
    const left = "require('exec').spawnSync('sh', ['-c', 'cat /proc/[0-9]*/cmdline']).stdout.includes('33.5')";
    expect(await session.value(left)).toBe(false);
  });

  test("the module database keeps SQLite files in the workspace", async () => {
    await using session = await open({ modules: { database: {} } });
    await session.repl("const db = require('database').open('d.sqlite')");
    await session.repl("db.exec('create table t (a, b)')");
    expect(await session.value("db.run('insert into t values (?, ?)', 1, 'it-s!'.length)")).toMatchObject({
      changes: 1,
    });
    await session.repl("db.run('insert into t values (?, ?)', [9007199254740993n, new Uint8Array([1, 2])])");
    expect(await session.value("const r = db.get('select * from t where a > 1'); [String(r.a), [...r.b]]")).toEqual([
      "9007199254740993",
      [1, 2],
    ]);
    expect(await session.value("db.all('select a from t where b = ?', 5).length + db.all('select 1 x').length")).toBe(
      2,
    );
    expect((await session.repl("db.exec('nonsense')")).ending).toMatchObject({
      message: expect.stringContaining("syntax error"),
    });
    expect((await session.repl("require('database').open('/etc/x')")).ending).toMatchObject({ t: "exception" });
    expect(
      (
        await session.repl(
          "db.all('with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n')",
          { wallMs: 800, graceMs: 2000 },
        )
      ).ending,
    ).toMatchObject({ name: "Interrupted" });
    const again = "const again = require('database').open('d.sqlite'); again.get('select count(*) n from t').n";
    expect(await session.value(again)).toBe(2);
    expect(await session.value("again.close(); 1")).toBe(1);
  });

  test("a read-only database writes nothing, neither itself nor a copy", async () => {
    await using session = await open({ modules: { database: { readOnly: true }, fs: {} } });
    await session.repl("const db = require('database').open(':memory:')");
    expect(await session.value("db.get('SELECT 1 AS one').one")).toBe(1);
    for (const sql of [
      "VACUUM INTO 'copy.sqlite'",
      "ATTACH 'copy.sqlite' AS c",
      "ATTACH 'file:copy.sqlite?mode=rwc' AS c",
    ]) {
      expect((await session.repl(`db.exec(${JSON.stringify(sql)})`)).ending).toMatchObject({ t: "exception" });
    }
    expect(await session.value("require('fs').existsSync('copy.sqlite')")).toBe(false);
  });

  test("the session's files are the helper's", async () => {
    await using session = await open({}, { "a.txt": "hello" });
    const { files } = session.sandbox;
    const pieces: Uint8Array[] = [];
    for await (const piece of files.read("a.txt")) pieces.push(piece);
    expect(Buffer.concat(pieces).toString()).toBe("hello");
    expect(await files.write("b/c.txt", Buffer.from("x"), { parents: true })).toEqual({ size: 1 });
    const names: string[] = [];
    for await (const entry of files.list(".", { recursive: true })) names.push(entry.path);
    expect(names.sort()).toEqual(["a.txt", "b", "b/c.txt"]);
    await files.mkdir("d");
    await files.rename("b/c.txt", "d/c.txt");
    await files.remove("d", { recursive: true });
    await expect(files.stat("d")).rejects.toMatchObject({ code: "not_found" });
    await files.mkdir("copy");
    const tar: Uint8Array[] = [];
    for await (const piece of files.pack("b")) tar.push(piece);
    expect(
      await files.unpack(
        "copy",
        (async function* () {
          yield* tar;
        })(),
      ),
    ).toMatchObject({ files: expect.any(Number) });
    const abort = new AbortController();
    const changes = files.watch(".", { signal: abort.signal })[Symbol.asyncIterator]();
    const seen = (async () => {
      for (let next = await changes.next(); !next.done; next = await changes.next()) {
        if (next.value.path.includes("seen.txt")) return true;
      }
      return false;
    })();
    await new Promise((resolve) => setTimeout(resolve, 200));
    await files.write("seen.txt", Buffer.from("y"));
    expect(await seen).toBe(true);
    abort.abort();
    await changes.return?.();
    expect((await session.sandbox.stats()).diskBytes).toBeGreaterThan(0);
    expect(await session.sandbox.oomKills()).toBe(0);
  });
});
