import { relative } from "node:path";
import { describe, expect, it } from "vitest";
import { TestKernel } from "./test-kernel.ts";

const start = (env: Record<string, string> = {}) => new TestKernel("python", { env });

describe("the Python kernel", () => {
  it("says what it is before anything else", async () => {
    await using kernel = start();
    expect(await kernel.ready).toEqual({
      t: "ready",
      language: "python",
      version: expect.stringMatching(/^3\.\d+\.\d+$/),
    });
  });

  it("gives the last expression as the value and keeps what was defined", async () => {
    await using kernel = start();
    expect((await kernel.run("import math\nmath.factorial(10)")).ending).toMatchObject({
      type: "int",
      preview: "3628800",
      json: 3628800,
    });
    expect((await kernel.run("def f(n):\n  return n * 2\nx = f(21)")).ending).toMatchObject({
      type: "NoneType",
      json: null,
    });
    expect((await kernel.run("x")).ending).toMatchObject({ json: 42 });
    expect((await kernel.run("_ + 1")).ending).toMatchObject({ json: 43 });
  });

  it("takes a line that is one expression as it takes it among others", async () => {
    await using kernel = start();
    const alone = async (line: string) => (await kernel.run(line)).ending;
    const among = async (line: string) => (await kernel.run(`pass\n${line}`)).ending;
    const plain = (ending: object) => ({ ...ending, id: "", line: 0, stack: "" });
    const expressions = ["1 + 1  # two", "(n := 4)", "'é' * 2", "[n for n in range(3)]", "None", "n"];
    for (const line of [...expressions, "1;", "n = 5", "'\\d'", "(yield)", "1 +", ""]) {
      expect(plain(await alone(line)), line).toEqual(plain(await among(line)));
    }
    expect(await alone(" 1")).toMatchObject({ t: "exception", name: "IndentationError" });
    expect(await alone("1/0")).toMatchObject({ name: "ZeroDivisionError", line: 1 });
    expect((await kernel.run("1 is 1")).stderr.match(/SyntaxWarning/g)).toHaveLength(1);
    await kernel.run("async def later(v): return v");
    expect(await alone("await later(7)")).toMatchObject({ json: 7 });
  });

  it("runs in a module of its own that is __main__", async () => {
    await using kernel = start();
    const { ending } = await kernel.run(
      "import __main__, sys\nz = 5\n(__name__, __main__.z, sys.argv, 'serve' in globals())",
    );
    expect(ending).toMatchObject({ json: ["__main__", 5, [""], false] });
    expect(
      (await kernel.run("import pickle\nclass P: pass\ntype(pickle.loads(pickle.dumps(P()))) is P")).ending,
    ).toMatchObject({
      json: true,
    });
  });

  it("awaits at the top level in one event loop", async () => {
    await using kernel = start();
    await kernel.run(
      "import asyncio\nasync def later(v):\n  await asyncio.sleep(0.01)\n  return v\ntask = asyncio.ensure_future(later(1)) if False else None",
    );
    expect((await kernel.run("y = await later(7)\nawait later(y + 1)")).ending).toMatchObject({ json: 8 });
    expect((await kernel.run("loop1 = asyncio.get_running_loop() if await later(1) else None")).ending.t).toBe("value");
    expect((await kernel.run("await later(0)\nasyncio.get_event_loop() is loop1")).ending).toMatchObject({
      json: true,
    });
    expect((await kernel.run("asyncio.run(later(9))")).ending).toMatchObject({ json: 9 });
  });

  it("tells of an exception with the user's frames only, and its line", async () => {
    await using kernel = start();
    await kernel.run("def inner():\n  raise ValueError('no é')");
    const { ending } = await kernel.run("x = 1\n\ninner()");
    expect(ending).toMatchObject({ t: "exception", name: "ValueError", message: "no é", line: 3 });
    const { stack = "" } = ending as { stack?: string };
    expect(stack).toContain('File "<input 2>", line 3, in <module>\n    inner()');
    expect(stack).toContain("raise ValueError");
    expect(stack).not.toContain("kernel.py");
    expect((await kernel.run("x")).ending).toMatchObject({ json: 1 });
  });

  it("tells of causes, groups and exceptions that cannot be shown", async () => {
    await using kernel = start();
    const caused = await kernel.run("try:\n  1/0\nexcept Exception as e:\n  raise KeyError('k') from e");
    expect(caused.ending).toMatchObject({ name: "KeyError", stack: expect.stringContaining("direct cause") });
    const hidden = await kernel.run("class E(Exception):\n  def __str__(self): raise RuntimeError('x')\nraise E()");
    expect(hidden.ending).toMatchObject({ name: "E", message: expect.stringContaining("RuntimeError") });
    const deep = await kernel.run("def r(): r()\nr()");
    expect(deep.ending).toMatchObject({ name: "RecursionError" });
  });

  it("tells of syntax errors with their line", async () => {
    await using kernel = start();
    const { ending } = await kernel.run("x = 1\ny = (\n");
    expect(ending).toMatchObject({ name: "SyntaxError", message: "'(' was never closed", line: 2 });
    expect((await kernel.run("  x = 1")).ending).toMatchObject({ name: "IndentationError", line: 1 });
    expect((await kernel.run("\0".replace("\0", "\\"))).ending).toMatchObject({ name: "SyntaxError" });
  });

  it("survives exits and gives their status", async () => {
    await using kernel = start();
    await kernel.run("kept = 'k'");
    expect((await kernel.run("import sys; sys.exit(3)")).ending).toMatchObject({ name: "SystemExit", exitCode: 3 });
    const text = await kernel.run("sys.exit('sorry')");
    expect(text.ending).toMatchObject({ exitCode: 1 });
    expect(text.stderr).toBe("sorry\n");
    expect((await kernel.run("sys.exit(0)")).ending).toMatchObject({ t: "value", json: null });
    expect((await kernel.run("exit()")).ending.t).toBe("value");
    expect((await kernel.run("sys.stdin.closed, kept")).ending).toMatchObject({ json: [false, "k"] });
  });

  it("prints before it answers, in order, and what has no newline too", async () => {
    await using kernel = start();
    const { stdout, stderr } = await kernel.run(
      "import sys\nprint('a')\nprint('b', end='')\nprint('é', end='', file=sys.stderr)",
    );
    expect([stdout, stderr]).toEqual(["a\nb", "é"]);
    expect((await kernel.run("print('lost?', end='')\n1/0")).stdout).toBe("lost?");
  });

  it("keeps working when the code closes or replaces its streams", async () => {
    await using kernel = start();
    await kernel.run("import sys, io\nsys.stdout.close()");
    expect((await kernel.run("print('again')")).stdout).toBe("again\n");
    expect((await kernel.run("held = sys.stdout; sys.stdout = io.StringIO(); print('into')")).stdout).toBe("");
    expect((await kernel.run("t = sys.stdout.getvalue(); sys.stdout = held; t")).ending).toMatchObject({
      json: "into\n",
    });
    expect((await kernel.run("sys.stdout = None")).ending.t).toBe("value");
  });

  it("reads the real stdin", async () => {
    await using kernel = start();
    const answer = kernel.run("name = input('who? ')\nname[::-1]");
    kernel.process.stdin?.write("world\n");
    const { ending, stdout } = await answer;
    expect([stdout, ending]).toEqual(["who? ", expect.objectContaining({ json: "dlrow" })]);
  });

  const BEGUN = "open('begun', 'w').close()";
  it.each([
    ["a loop", "while True: pass"],
    ["a sleep", "import time; time.sleep(60)"],
    ["reading stdin", "input()"],
    ["a child", "import subprocess; subprocess.run(['sleep', '60'])"],
    ["top-level await", "import asyncio; await asyncio.sleep(60)"],
    ["a loop after an await", "import asyncio; await asyncio.sleep(0.01)\nwhile True: pass"],
    ["an endless repr", "class R:\n  def __repr__(self):\n    while True: pass\nR()"],
    ["an endless str of an exception", "class E(Exception):\n  def __str__(self):\n    while True: pass\nraise E()"],
    ["an endless expression", "[0 for _ in iter(int, 1)]"],
  ])("is interrupted in %s and keeps its state", async (_, code) => {
    await using kernel = start();
    await kernel.run("kept = 1");
    const { ending } = await kernel.run(`${BEGUN}\n${code}`, { interruptAfterMs: 300, begunFile: "begun" });
    expect(ending).toMatchObject({ t: "exception", name: "KeyboardInterrupt" });
    expect((ending as { stack?: string }).stack ?? "").not.toContain("kernel.py");
    expect((await kernel.run("kept")).ending).toMatchObject({ json: 1 });
  });

  it("ignores interrupts while idle, and takes back a handler that the code set", async () => {
    await using kernel = start();
    await kernel.run("import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); 1");
    await kernel.run("2");
    kernel.interrupt();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const loop = `${BEGUN}\nwhile True: pass`;
    expect((await kernel.run(loop, { interruptAfterMs: 200, begunFile: "begun" })).ending).toMatchObject({
      name: "KeyboardInterrupt",
    });
  });

  it("lets code catch the interrupt", async () => {
    await using kernel = start();
    const code = `import time\ntry:\n  ${BEGUN}; time.sleep(60)\nexcept KeyboardInterrupt:\n  r = 'caught'\nr`;
    expect((await kernel.run(code, { interruptAfterMs: 200, begunFile: "begun" })).ending).toMatchObject({
      json: "caught",
    });
  });

  it("runs a file with the session's globals, its arguments, environment and folder", async () => {
    await using kernel = start();
    await kernel.run("SEED = 40");
    kernel.file("pkg/helper.py", "VALUE = 'helped'\n");
    const code =
      "import os, sys\nimport helper\nprint(SEED + 2, sys.argv, os.environ['WHO'], os.getcwd(), __file__, __name__, helper.VALUE)\nleft = 9\n";
    const { stdout, ending } = await kernel
      .runFile("pkg/main.py", code, { args: ["a b", "é"], env: { WHO: "me" }, cwd: "/usr" })
      .catch(async (error) => Promise.reject(error));
    expect(ending.t).toBe("exception"); // relative to the given folder there is no such file
    expect(stdout).toBe("");
    const path = `${kernel.workspace}/pkg/main.py`;
    const second = await kernel.run(path, { mode: "file", args: ["a b", "é"], env: { WHO: "me" }, cwd: "/usr" });
    expect(second.stdout).toBe(`42 ['${path}', 'a b', 'é'] me /usr ${path} __main__ helped\n`);
    expect(second.ending).toMatchObject({ t: "value", type: "NoneType" });
    const after = await kernel.run(
      "import os\n(left, os.environ.get('WHO'), os.getcwd(), sys.argv, '__file__' in globals())",
    );
    expect(after.ending).toMatchObject({ json: [9, null, kernel.workspace, [""], false] });
  });

  it("tells of a file's errors with the file's line, and of one that is not there", async () => {
    await using kernel = start();
    const failed = await kernel.runFile("bad.py", "x = 1\n\nraise OSError('disk')\n");
    expect(failed.ending).toMatchObject({ name: "OSError", line: 3, stack: expect.stringContaining("raise OSError") });
    expect((await kernel.runFile("syntax.py", "ok = 1\nnot ok\n=\n")).ending).toMatchObject({
      name: "SyntaxError",
      line: 3,
    });
    expect((await kernel.run("none.py", { mode: "file" })).ending).toMatchObject({ name: "FileNotFoundError" });
    expect((await kernel.runFile("exit.py", "import sys\nsys.exit(4)")).ending).toMatchObject({ exitCode: 4 });
    expect((await kernel.run("1", { cwd: "/nowhere" })).ending).toMatchObject({ name: "FileNotFoundError" });
  });

  it("keeps a change of folder or environment that the code itself makes", async () => {
    await using kernel = start();
    await kernel.run("import os; os.chdir('/tmp'); os.environ['MADE'] = '1'");
    expect((await kernel.run("os.getcwd(), os.environ['MADE']")).ending).toMatchObject({ json: ["/tmp", "1"] });
    await kernel.run("os.environ['MADE'] = '2'", { env: { MADE: "given" } });
    expect((await kernel.run("os.environ['MADE']")).ending).toMatchObject({ json: "2" });
  });

  it("describes values within bounds, however large or hostile", async () => {
    await using kernel = start();
    const value = async (code: string) =>
      (await kernel.run(code)).ending as { preview: string; json?: unknown; type: string };
    expect(await value("{'a': [1, 2.5, None, True], 'b': ('x',)}")).toMatchObject({
      json: { a: [1, 2.5, null, true], b: ["x"] },
    });
    expect(await value("2**60")).toEqual({
      t: "value",
      id: expect.anything(),
      type: "int",
      preview: String(2n ** 60n),
    });
    expect(await value("float('nan')")).toMatchObject({ preview: "nan" });
    expect((await value("2**200000")).preview).toBe("<int of 200001 bits>");
    const long = await value("list(range(10**6))");
    expect(long.preview.endsWith("\u2026") && long.preview.length <= 4096).toBe(true);
    expect("json" in long).toBe(false);
    const text = await value("'é' * 10**6");
    expect(Buffer.byteLength(text.preview)).toBeLessThanOrEqual(4096);
    expect((await value("a = []; a.append(a); a")).preview).toBe("[[...]]");
    expect((await value("d = []\nfor _ in range(10000): d = [d]\nd")).preview).toContain("...");
    expect((await value("class R:\n  def __repr__(self): return 5\nR()")).preview).toContain(
      "whose repr raised TypeError",
    );
    expect((await value("class L(list):\n  def __iter__(self):\n    while True: yield 1\nL([1])")).json).toEqual([1]);
    expect((await value("class M:\n  def __repr__(self): return 'one\\ntwo\\x1b[31m'\nM()")).preview).toBe(
      "one two [31m",
    );
    expect(await value("'\\ud800'")).toMatchObject({ json: "\ufffd" });
    expect(await value("{1: 2, None: 3}")).toMatchObject({ json: { 1: 2, null: 3 } });
    expect("json" in (await value("{(1, 2): 3}"))).toBe(false);
    expect(await value("import enum\nclass C(enum.IntEnum):\n  A = 1\nC.A")).toMatchObject({ json: 1, type: "C" });
  });

  it("displays what can show itself in more than text", async () => {
    await using kernel = start();
    const html = await kernel.run(
      "class H:\n  def _repr_html_(self): return '<b>x</b>'\n  def _repr_png_(self): return b'\\x89PNG'\nH()",
    );
    expect(html.messages).toEqual([
      { t: "display", id: expect.anything(), mime: { "text/html": "<b>x</b>", "image/png": "iVBORw==" } },
      expect.objectContaining({ t: "value", type: "H" }),
    ]);
    const bundle = await kernel.run(
      "class B:\n  def _repr_mimebundle_(self, include=None, exclude=None): return {'text/plain': 'p', 'image/svg+xml': '<svg/>'}\nB()",
    );
    expect(bundle.messages[0]).toMatchObject({ mime: { "image/svg+xml": "<svg/>" } });
    const broken = await kernel.run("class X:\n  def _repr_html_(self): raise OSError\nX()");
    expect(broken.messages).toHaveLength(1);
    const large = await kernel.run("class Z:\n  def _repr_html_(self): return 'x' * (5 << 20)\nZ()");
    expect(large.messages[0]).toMatchObject({ mime: { "text/plain": expect.stringContaining("too large") } });
    expect((await kernel.run("H")).messages).toHaveLength(1);
  });

  it("does not let children answer in its place", async () => {
    await using kernel = start();
    const fds = await kernel.run(
      "import subprocess\nsubprocess.run(['sh', '-c', 'ls /proc/self/fd'], close_fds=False, capture_output=True, text=True).stdout.split()",
    );
    const open = (fds.ending as { json?: string[] }).json ?? [];
    expect(open).not.toContain("4");
    const forked = await kernel.run(
      "import os\npid = os.fork()\nif pid == 0:\n  print('child', flush=True)\nelse:\n  status = os.waitpid(pid, 0)[1]\npid > 0 and status",
    );
    expect(forked.ending).toMatchObject({ json: 0 });
    expect(forked.stdout).toBe("child\n");
    const failing = await kernel.run(
      "pid = os.fork()\nif pid == 0:\n  1/0\nos.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])",
    );
    expect(failing.ending).toMatchObject({ json: 1 });
    expect(failing.stderr).toContain("ZeroDivisionError");
    const pool = await kernel.run(
      "import multiprocessing as mp\nwith mp.get_context('fork').Pool(2) as p: r = p.map(abs, [-1, -2])\nr",
    );
    expect(pool.ending).toMatchObject({ json: [1, 2] });
  });

  it("runs threads, and goes on when one fails", async () => {
    await using kernel = start();
    const { ending, stderr } = await kernel.run(
      "import threading\nout = []\nts = [threading.Thread(target=out.append, args=(i,)) for i in range(3)] + [threading.Thread(target=lambda: 1/0)]\n[t.start() for t in ts]; [t.join() for t in ts]\nsorted(out)",
    );
    expect(ending).toMatchObject({ json: [0, 1, 2] });
    expect(stderr).toContain("ZeroDivisionError");
  });

  it("takes code of many sizes and alphabets", async () => {
    await using kernel = start();
    const text = `${"x".repeat(300_000)}é𝒳\u2028`;
    expect((await kernel.run(`len(${JSON.stringify(text)})`)).ending).toMatchObject({ json: 300_003 });
    expect((await kernel.run("")).ending).toMatchObject({ type: "NoneType" });
    expect((await kernel.run("# only a comment")).ending).toMatchObject({ type: "NoneType" });
    expect((await kernel.run("größe = 3; größe")).ending).toMatchObject({ json: 3 });
  });

  it("measures its CPU time, children included", async () => {
    await using kernel = start();
    const { done } = await kernel.run(
      "import time\nt = time.process_time()\nwhile time.process_time() - t < 0.05: pass",
    );
    expect(done.cpuMs).toBeGreaterThanOrEqual(50);
  });

  it("ends when its requests end", async () => {
    await using kernel = start();
    await kernel.run("import atexit; atexit.register(print, 'bye')");
    kernel.process.stdio[3] && (kernel.process.stdio[3] as NodeJS.WritableStream).end();
    expect(await kernel.exited).toEqual({ code: 0, signal: null });
  });

  it("finds packages that were installed for the user while it runs", async () => {
    await using kernel = start();
    expect((await kernel.run("import late_guest")).ending).toMatchObject({ name: "ModuleNotFoundError" });
    const folder = (await kernel.run("import site; site.getusersitepackages()")).ending;
    if (folder.t !== "value" || typeof folder.json !== "string") throw new Error("no folder");
    kernel.file(relative(kernel.workspace, `${folder.json}/late_guest.py`), "greeting = 'hello'\n");
    expect((await kernel.run("import late_guest; late_guest.greeting")).ending).toMatchObject({ json: "hello" });
    expect((await kernel.run("import no_such_guest")).ending).toMatchObject({ name: "ModuleNotFoundError" });
  });
});
