import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isGloveboxError } from "../../core/index.ts";
import type { AgentConnection } from "./connection.ts";
import { finish, python, shell } from "./process-fixture.ts";
import { type BareAgent, startBareAgent } from "./testing.ts";

let agent: BareAgent;
let connection: AgentConnection;

beforeAll(async () => {
  agent = await startBareAgent();
  connection = await agent.connect();
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
});

async function codeOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => "no error",
    (error: unknown) => (isGloveboxError(error) ? error.code : String(error)),
  );
}
async function run(spec: Parameters<AgentConnection["spawn"]>[0]) {
  return await finish(await connection.spawn(spec));
}
const alive = (pid: number) =>
  existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));

describe("starting", () => {
  it("gives argv, environment, folder, umask and streams", async () => {
    const spec = shell('printf "%s|" "$0" "$@" "$X"; pwd; umask; echo err >&2; exit 7', { env: { X: "y z" } });
    const done = await run({ ...spec, argv: [...spec.argv, "zero", "one two"], cwd: "/usr" });
    expect(done.stdout).toBe("zero|one two|y z|/usr\n0022\n");
    expect(done.stderr).toBe("err\n");
    expect(done.exit).toMatchObject({ code: 7 });
    expect(done.exit.maxRssKb).toBeGreaterThan(100);
  });

  it("starts in the workspace when no folder is named", async () => {
    expect((await run(shell("pwd"))).stdout.trim()).toBe(agent.workspace);
  });

  it("says why it cannot start", async () => {
    expect(await codeOf(run(shell("", { argv: ["no-such-program"] })))).toBe("not_found");
    expect(await codeOf(run(shell("", { argv: ["/etc/passwd"] })))).toBe("permission_denied");
    expect(await codeOf(run(shell("", { cwd: "/no/such" })))).toBe("not_found");
    expect(await codeOf(run(shell("", { argv: ["sh"], env: { PATH: "/nowhere" } })))).toBe("not_found");
  });

  it("gives children nothing but their own descriptors, default signals and an own session", async () => {
    const script = `
import os, signal, resource
print(sorted(int(f) for f in os.listdir('/proc/self/fd'))[:-1], os.getsid(0) == os.getpid(), signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN)
status = open('/proc/self/status').read()
print([l.split()[1] for l in status.splitlines() if l.startswith(('SigBlk', 'NoNewPrivs'))])
print(resource.getrlimit(resource.RLIMIT_CORE), resource.getrlimit(resource.RLIMIT_NOFILE), open('/proc/self/oom_score_adj').read().strip())`;
    const lines = (await run(python(script, { openFiles: 77 }))).stdout.split("\n");
    expect(lines[0]).toMatch(/^\[0, 1, 2\] True/);
    expect(lines[1]).toBe("['0000000000000000', '1']");
    expect(lines[2]).toBe("(0, 0) (77, 77) 1000");
  });

  it("leaves the agent itself small", () => {
    const pid = agent.child.pid ?? 0;
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    expect(status).toMatch(/^Name:\s+agent/m);
    expect(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1])).toBeLessThan(1536);
  });

  it("can be cancelled", async () => {
    expect(await codeOf(connection.spawn(shell("sleep 100"), AbortSignal.abort()))).toBe("cancelled");
    const abort = new AbortController();
    const started = codeOf(connection.spawn(shell("sleep 100"), abort.signal));
    abort.abort();
    expect(await started).toBe("cancelled");
  });
});

describe("streams", () => {
  it("carry a megabyte through cat unharmed, with back-pressure both ways", async () => {
    const cat = await connection.spawn(shell("cat", { stdin: "pipe" }));
    const input = Buffer.alloc(1_000_000, "0123456789abcdef\n");
    const done = finish(cat);
    await cat.write(input);
    await cat.closeStdin();
    expect(await codeOf(cat.write(Buffer.from("late")))).toBe("conflict");
    expect(Buffer.from((await done).stdout).equals(input)).toBe(true);
  });

  it("take input that nobody reads without hanging", async () => {
    const deaf = await connection.spawn(shell("exec <&-; sleep 0.3", { stdin: "pipe" }));
    await sleep(100);
    await deaf.write(Buffer.alloc(300_000));
    expect((await finish(deaf)).exit.code).toBe(0);
    expect(await codeOf(deaf.write(Buffer.from("x")))).toBe("conflict");
  });

  it("stop a program whose output nobody acknowledges, and hold no more than the window", async () => {
    const flood = await connection.spawn(shell("yes"));
    await sleep(200);
    expect(flood.held.stdout.to).toBeLessThanOrEqual(262_144);
    expect(flood.held.stdout.to).toBe(262_144);
    const cpu = () => Number(readFileSync(`/proc/${flood.pid}/stat`, "utf8").split(" ")[13]);
    const before = cpu();
    await sleep(200);
    expect(cpu() - before).toBeLessThan(5);
    await flood.signal("SIGKILL");
    expect((await finish(flood)).exit.signal).toBe("SIGKILL");
  });

  it("show what was printed before a control message before it, even beside a flooder", async () => {
    const script = `
import os, subprocess, sys
noise = subprocess.Popen(['yes'], stdout=1)
for i in range(300):
    os.write(2, b'e%d\\n' % i)
    os.write(4, b'%d\\n' % i)
noise.kill()`;
    const kernel = await connection.spawn(python(script, { control: true }));
    let stderr = "";
    let messages = 0;
    for await (const item of kernel.output()) {
      if (item.kind !== "output") break;
      kernel.ack(item.stream, item.offset + item.data.length);
      const text = Buffer.from(item.data).toString();
      if (item.stream === "stderr") stderr += text;
      if (item.stream === "control") {
        for (const line of text.trim().split("\n")) expect(stderr).toContain(`e${line}\n`);
        messages += text.trim().split("\n").length;
      }
    }
    kernel.release();
    expect(messages).toBe(300);
  });

  it("let a kernel talk on its control stream while stdout is full and unread", async () => {
    const script = "import os\nos.read(3, 10)\nos.write(4, b'answer\\n')\nos.write(1, b'x' * 1000000)";
    const kernel = await connection.spawn(python(script, { control: true }));
    await kernel.writeControl(Buffer.from("go\n"));
    let unread = 0;
    for await (const item of kernel.output()) {
      expect(item.kind).toBe("output");
      if (item.kind !== "output" || item.stream === "control") break;
      unread += item.data.length;
    }
    expect(unread).toBeLessThanOrEqual(262_144);
    await kernel.signal("SIGKILL", "tree");
    kernel.release();
  });

  it("end 200 ms after the root when a descendant keeps them open, with all that was there", async () => {
    const done = await run(shell("(sleep 30 & echo $!); echo end"));
    const [pid, end] = done.stdout.trim().split("\n");
    expect(end).toBe("end");
    expect(alive(Number(pid))).toBe(true);
    process.kill(Number(pid), "SIGKILL");
  });

  it("close for a reader who goes away, and drop what comes until the end", async () => {
    const process = await connection.spawn(shell("echo a; sleep 0.1; yes | head -c 1000000; echo b"));
    process.release();
    process.release();
    await expect.poll(() => alive(process.pid)).toBe(false);
    expect((await run(shell("echo next"))).stdout).toBe("next\n");
  });

  it("refuse acknowledgements and resumptions of what never came", async () => {
    const process = await connection.spawn(shell("echo hi"));
    expect(() => process.ack("stdout", 1000)).toThrow("not received");
    expect(() => process.ack("control", 0)).toThrow("not received");
    expect(() => process.resumeFrom({ stdout: 0 })).toThrow("read already");
    await finish(process);
  });

  it("can stop being waited for", async () => {
    const quiet = await connection.spawn(shell("sleep 30", { stdin: "pipe" }));
    const abort = new AbortController();
    const next = codeOf(quiet.output(abort.signal)[Symbol.asyncIterator]().next());
    const write = codeOf(quiet.write(Buffer.alloc(1 << 20), abort.signal));
    abort.abort();
    expect(await next).toBe("cancelled");
    expect(await write).toBe("cancelled");
    expect(await codeOf(quiet.writeControl(Buffer.from("x")))).toBe("invalid_argument");
    await quiet.signal("SIGKILL");
    quiet.release();
  });
});

describe("the seccomp filter", () => {
  /** Load the number; jump over the refusal unless it is mkdir or mkdirat; refuse with EPERM; allow. */
  function refuseMkdir(): Buffer {
    const [mkdir, mkdirat] = process.arch === "arm64" ? [34, 34] : [83, 258];
    const steps: readonly (readonly [number, number, number, number])[] = [
      [0x20, 0, 0, 0],
      [0x15, 1, 0, mkdir],
      [0x15, 0, 1, mkdirat],
      [0x06, 0, 0, 0x0005_0001],
      [0x06, 0, 0, 0x7fff_0000],
    ];
    const bytes = steps.map(([code, yes, no, k]) => {
      const step = Buffer.alloc(8);
      step.writeUInt16LE(code, 0);
      step.writeUInt8(yes, 2);
      step.writeUInt8(no, 3);
      step.writeUInt32LE(k, 4);
      return step;
    });
    return Buffer.concat(bytes);
  }

  it("holds for programs and for the agent's own applets, and not for the agent", async () => {
    await using filtered = await startBareAgent({ seccomp: refuseMkdir() });
    const { spawn, files } = await filtered.connect().then((c) => ({ spawn: c.spawn.bind(c), files: c.files }));
    const done = await finish(await spawn(shell("mkdir x 2>&1; grep Seccomp: /proc/self/status")));
    expect(done.stdout).toMatch(/not permitted[\s\S]*Seccomp:\s+2/);
    expect(await codeOf(files.mkdir("x"))).toBe("permission_denied");
    await files.write("y", Buffer.from("works"));
    expect(readFileSync(`/proc/${filtered.child.pid}/status`, "utf8")).toMatch(/Seccomp:\s+0/);
  });

  it("is refused when it cannot be a filter, and nothing starts", async () => {
    await using broken = await startBareAgent({ seccomp: Buffer.alloc(13) });
    await expect.poll(() => broken.child.exitCode).toBe(1);
  });
});

describe("terminals", () => {
  it("are real, have a size, and can be resized", async () => {
    const script = `
import os, signal, sys
signal.signal(signal.SIGWINCH, lambda *a: os.write(1, b'%s\\n' % str(os.get_terminal_size()).encode()))
print(os.isatty(0), os.get_terminal_size(), flush=True)
sys.stdin.read()`;
    const terminal = await connection.spawn(python(script, { stdin: "pipe", terminal: { rows: 30, columns: 90 } }));
    const seen: string[] = [];
    for await (const item of terminal.output()) {
      if (item.kind !== "output") {
        expect(item).toMatchObject({ kind: "exit", exit: { code: 0 } });
        break;
      }
      expect(item.stream).toBe("stdout");
      terminal.ack("stdout", item.offset + item.data.length);
      seen.push(Buffer.from(item.data).toString());
      const text = seen.join("");
      if (text.includes("lines=30") && !text.includes("lines=11")) await terminal.resize(11, 22);
      if (text.includes("lines=11)") && seen.length < 100) await terminal.closeStdin();
    }
    expect(seen.join("")).toContain("True os.terminal_size(columns=90, lines=30)");
    expect(seen.join("")).toContain("os.terminal_size(columns=22, lines=11)");
    terminal.release();
  });

  it("pass ^C on as a signal", async () => {
    // Blocked and waited for, so that it cannot come too early.
    const script = `
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
print('up', flush=True)
print(signal.sigwait([signal.SIGINT]).name)`;
    const terminal = await connection.spawn(python(script, { stdin: "pipe", terminal: { rows: 5, columns: 5 } }));
    let text = "";
    for await (const item of terminal.output()) {
      if (item.kind === "output") text += Buffer.from(item.data).toString();
      if (text === "up\r\n") await terminal.write(Buffer.from([3]));
    }
    expect(text).toBe("up\r\n^CSIGINT\r\n");
    terminal.release();
  });
});

describe("signals and trees", () => {
  it("reach the root, the group, or only the descendants", async () => {
    const trap = "trap 'echo int' INT; trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    const process = await connection.spawn(shell(trap));
    const output = process.output()[Symbol.asyncIterator]();
    const next = async () => {
      const { value } = await output.next();
      if (value?.kind === "output") process.ack(value.stream, value.offset + value.data.length);
      return value?.kind === "output" ? Buffer.from(value.data).toString() : value;
    };
    expect(await next()).toBe("ready\n");
    await process.signal("SIGINT", "group");
    expect(await next()).toBe("int\n");
    await process.signal("SIGKILL", "descendants");
    await process.signal("SIGTERM", "root");
    let last = await next();
    while (typeof last === "string") last = await next();
    expect(last).toMatchObject({ kind: "exit", exit: { code: 9 } });
    await process.signal("SIGTERM");
    process.release();
  });

  it("kill daemons that forked twice and took a session of their own", async () => {
    const script = `
import os, sys, time
for i in range(5):
    if os.fork() == 0:
        os.setsid()
        if os.fork() > 0: os._exit(0)
        sys.stdout.write('%d\\n' % os.getpid()); sys.stdout.flush()
        time.sleep(100)
time.sleep(100)`;
    const daemon = await connection.spawn(python(script));
    let text = "";
    for await (const item of daemon.output()) {
      if (item.kind !== "output") break;
      daemon.ack(item.stream, item.offset + item.data.length);
      text += Buffer.from(item.data).toString();
      if (text.trim().split("\n").length === 5) await daemon.signal("SIGKILL", "tree");
    }
    daemon.release();
    const pids = text.trim().split("\n").map(Number);
    expect(pids.length).toBe(5);
    for (const pid of pids) await expect.poll(() => alive(pid)).toBe(false);
  });

  it("win against chains of processes that fork and vanish", async () => {
    const script = `
import os, signal, time
for i in range(12):
    if os.fork() == 0:
        end = time.time() + 20
        while time.time() < end:
            if os.fork() > 0: os._exit(0)
        os._exit(0)
os.write(1, b'up')
time.sleep(100)`;
    const process = await connection.spawn(python(script));
    const output = process.output()[Symbol.asyncIterator]();
    await output.next();
    await process.signal("SIGKILL", "tree");
    expect((await output.next()).value).toMatchObject({ kind: "exit", exit: { signal: "SIGKILL" } });
    process.release();
    expect((await connection.stats()).pids).toBeLessThan(5);
  });

  it("leave other held processes alone", async () => {
    const other = await connection.spawn(shell("sleep 30"));
    const victim = await connection.spawn(shell("sleep 30"));
    await victim.signal("SIGKILL", "tree");
    expect((await finish(victim)).exit.signal).toBe("SIGKILL");
    expect(alive(other.pid)).toBe(true);
    await other.signal("SIGKILL");
    await finish(other);
  });
});

describe("limits", () => {
  it("kill the tree when the wall time is over", async () => {
    const done = await run(shell("sleep 30 & echo $!; wait", { limits: { wallMs: 100 } }));
    expect(done.limits).toEqual(["wall killed"]);
    expect(done.exit).toMatchObject({ signal: "SIGKILL", limit: "wall" });
    expect(alive(Number(done.stdout))).toBe(false);
  });

  it("interrupt first when there is grace, and kill who does not heed it", async () => {
    const polite = await run(shell("trap 'exit 5' INT; sleep 30 & wait", { limits: { wallMs: 50, graceMs: 5000 } }));
    expect(polite.limits).toEqual(["wall interrupted"]);
    expect(polite.exit).toMatchObject({ code: 5 });
    expect(polite.exit.limit).toBeUndefined();
    const deaf = await run(shell("trap '' INT; sleep 30", { limits: { wallMs: 50, graceMs: 50 } }));
    expect(deaf.limits).toEqual(["wall interrupted", "wall killed"]);
    expect(deaf.exit).toMatchObject({ signal: "SIGKILL", limit: "wall" });
  });

  it("count the CPU time of children, dead and alive, and of orphans", async () => {
    const burn = "python3 -ISc 'import time\nwhile time.process_time() < 0.15: pass'";
    const dead = await run(shell(`while :; do ${burn}; done`, { limits: { cpuMs: 400 } }));
    expect(dead.exit).toMatchObject({ signal: "SIGKILL", limit: "cpu" });
    const orphan = "import os, time\nif os.fork() == 0:\n  os.setsid()\n  while True: pass\nos._exit(0)";
    const lost = await run(shell(`python3 -ISc '${orphan}'; sleep 20`, { limits: { cpuMs: 200 } }));
    expect(lost.exit).toMatchObject({ signal: "SIGKILL", limit: "cpu" });
    expect((await run(shell("sleep 0.3", { limits: { cpuMs: 200 } }))).exit.code).toBe(0);
  });

  it("are lifted by a control line that begins with '!', and set anew by the host", async () => {
    const script = `
import os, time
os.write(4, b'no ! here\\n')
os.write(4, b'half a li'); os.write(4, b'ne\\n!done\\n')
time.sleep(0.4)
os.write(4, b'alive\\n')
os.read(3, 1)
while True: time.sleep(1)`;
    const kernel = await connection.spawn(python(script, { control: true, limits: { wallMs: 300 } }));
    let control = "";
    const limits: string[] = [];
    for await (const item of kernel.output()) {
      if (item.kind === "limit") limits.push(`${item.limit} ${item.action}`);
      if (item.kind !== "output") continue;
      kernel.ack(item.stream, item.offset + item.data.length);
      control += Buffer.from(item.data).toString();
      if (control.endsWith("alive\n")) {
        await kernel.limit({ wallMs: 10_000 });
        await kernel.limit({ wallMs: 50 });
        await kernel.writeControl(Buffer.from("x"));
      }
    }
    kernel.release();
    expect(control).toBe("no ! here\nhalf a line\n!done\nalive\n");
    expect(limits).toEqual(["wall killed"]);
  });
});
