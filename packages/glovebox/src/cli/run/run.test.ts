import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cli, root } from "../testing/cli.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "glovebox-run-test-"));
  writeFileSync(
    join(folder, "exit.py"),
    "import sys\nprint('out', sys.argv[1:])\nprint('err', file=sys.stderr)\nsys.exit(7)\n",
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (args: readonly string[], options: Parameters<typeof cli>[1] = {}) => cli(["run", ...args], options);

describe("a program without a server", () => {
  test("gives its own stdout, stderr and exit code, and gets its arguments as they are", async () => {
    const { code, stdout, stderr } = await run([join(folder, "exit.py"), "--json", "a b"]);
    expect({ code, stdout, stderr }).toEqual({ code: 7, stdout: "out ['--json', 'a b']\n", stderr: "err\n" });
  });

  test("passes bytes through as they are, both ways", async () => {
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7919) % 256));
    const copy = "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())\n";
    const result = await run(["-e", copy], { input: bytes });
    expect(result.code).toBe(0);
    expect(result.bytes.equals(bytes)).toBe(true);
  });

  test("streams: what it prints is seen while it runs, and Ctrl-C ends it with 130", async () => {
    const code = "import time\nprint('ready', flush=True)\ntime.sleep(60)\n";
    let seen = "";
    const result = await run(["-e", code], {
      onStdout: (text, kill) => {
        seen = text;
        // The line may come in two pieces, and a second signal would end the command itself.
        if (text.endsWith("\n")) kill("SIGINT");
      },
    });
    expect(seen).toBe("ready\n");
    expect(result.code).toBe(130);
  });

  test("a second Ctrl-C ends the command itself, as a signal does", async () => {
    const module = join(import.meta.dirname, "interrupt.ts");
    const code = `import { onInterrupt } from ${JSON.stringify(module)};
      const { signal } = onInterrupt();
      signal.addEventListener("abort", () => console.log("first", signal.reason.signal));
      setInterval(() => {}, 1000);
      console.log("ready");`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "ignore"] });
    let seen = "";
    child.stdout.on("data", (chunk: Buffer) => {
      seen += chunk.toString();
      if (seen.endsWith("ready\n") || seen.endsWith("first SIGINT\n")) child.kill("SIGINT");
    });
    const [, signal] = await once(child, "close");
    expect({ seen, signal }).toEqual({ seen: "ready\nfirst SIGINT\n", signal: "SIGINT" });
  });

  test("is stopped at its time limit with 124", async () => {
    const { code, stderr } = await run(["--timeout", "0.5", "-e", "while True: pass"]);
    expect(code).toBe(124);
    expect(stderr).toContain("500 ms");
  });

  test("reads its code from stdin", async () => {
    const { code, stdout } = await run(["-l", "bash", "-", "x"], { input: "echo $1; exit 3" });
    expect({ code, stdout }).toEqual({ code: 3, stdout: "x\n" });
  });

  test.each([
    ["python", "print(1 + 1)"],
    ["javascript", "console.log(1 + 1)"],
    ["typescript", "const n: number = 1; console.log(n + 1)"],
    ["bash", "echo $((1 + 1))"],
    ["rust", 'fn main() { println!("{}", 1 + 1); }'],
  ])("runs %s", async (language, code) => {
    expect(await run(["-l", language, "-e", code])).toMatchObject({ code: 0, stdout: "2\n", stderr: "" });
  });

  test("runs JavaScript in an isolate: console calls are lines, errors go to stderr with their stack", async () => {
    const code = "console.log('a'); console.error('b'); throw new Error('boo')";
    const result = await run(["-i", "isolate", "-l", "js", "-e", code]);
    expect(result).toMatchObject({ code: 1, stdout: "a\n" });
    expect(result.stderr).toMatch(/^b\nError: boo\n/);
  });

  test("a compile error carries the compiler's words and fails", async () => {
    const { code, stderr } = await run(["-l", "rust", "-e", "fn main() { nope }"]);
    expect(code).not.toBe(0);
    expect(stderr).toContain("nope");
  });

  test("ends quietly when nobody reads its output any more", async () => {
    const shell = `"$0" run -e 'while True: print("y" * 1000)' | head -c 4; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await promisify(execFile)("bash", ["-c", shell, join(root, "bin/glovebox")], {
      env: { ...process.env, GLOVEBOX_DATA: "/nonexistent", NODE_OPTIONS: "" },
    });
    expect({ stdout, stderr }).toEqual({ stdout: "yyyy141\n", stderr: "" });
  });

  test("with --json it gives the finished execution and its events instead", async () => {
    const { code, stdout, stderr } = await run(["--json", "-e", "print(5)\nraise SystemExit(2)"]);
    const { execution, events } = JSON.parse(stdout);
    expect(code).toBe(2);
    expect(stderr).toBe("");
    expect(execution).toMatchObject({ status: "error", exitCode: 2 });
    // Python writes the number and the end of the line apart, so it may be two events.
    expect(events[0]).toMatchObject({ seq: 1, type: "stdout" });
    expect(events.map(({ payload }: { payload: { text: string } }) => payload.text).join("")).toBe("5\n");
  });

  test("leaves nothing behind in the folder for temporary files", async () => {
    const temporary = mkdtempSync(join(folder, "tmp-"));
    await run(["-e", "open('f', 'w').write('x')"], { env: { TMPDIR: temporary } });
    expect(readdirSync(temporary)).toEqual([]);
  });

  test("gets the variables that it is given and none of ours", async () => {
    const code = "import os\nprint(os.environ.get('A'), os.environ.get('SECRET'))";
    const { stdout } = await run(["--env", "A=1", "-e", code], { env: { SECRET: "s" } });
    expect(stdout).toBe("1 None\n");
  });

  test.each<[string, readonly string[], number, RegExp]>([
    ["a file that is not there", ["/nope/x.py"], 3, /no such file/],
    ["a folder", ["/tmp"], 2, /is a folder/],
    ["a file in no language", ["/etc/hostname"], 2, /cannot tell the language/],
    ["no program", [], 2, /nothing to run/],
    ["an isolation that is not here", ["-i", "firecracker", "-e", "1"], 5, /firecracker/],
    ["a template that only a server has", ["-t", "mine", "-e", "1"], 3, /no ready-made template/],
    ["a language that the isolation lacks", ["-i", "isolate", "-l", "python", "-e", "1"], 5, /python/],
    ["a server that does not answer", ["--url", "http://127.0.0.1:1", "-e", "1"], 5, /cannot reach/],
  ])("%s is refused with its exit code", async (_name, args, code, message) => {
    const result = await run(args);
    expect(result.stderr).toMatch(message);
    expect(result.code).toBe(code);
    expect(result.stdout).toBe("");
  });

  test("errors are JSON on stderr with --json", async () => {
    const { stderr, code } = await run(["--json", "/nope/x.py"]);
    expect(code).toBe(3);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "not_found" } });
  });

  test("loads neither a parser of options, nor zod, nor a store, nor a web server", async () => {
    const trace = join(folder, "trace.mjs");
    writeFileSync(
      trace,
      `import { registerHooks } from "node:module";
       const seen = [];
       registerHooks({ load: (url, context, next) => { seen.push(url); return next(url, context); } });
       process.on("exit", () => process._rawDebug(JSON.stringify(seen)));`,
    );
    const { stderr } = await run(["-e", "print(1)"], { env: { NODE_OPTIONS: `--import ${trace}` } });
    const seen = JSON.parse(stderr) as string[];
    expect(seen.filter((url) => url.includes("node_modules"))).toEqual([]);
    expect(seen.filter((url) => /\/(store|surfaces|governance|telemetry|config)\//.test(url))).toEqual([]);
    expect(seen.filter((url) => url.includes("/packages/glovebox/")).length).toBeLessThan(160);
  });
});
