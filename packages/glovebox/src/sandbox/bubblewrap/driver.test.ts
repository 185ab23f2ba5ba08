import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../core/index.ts";
import type { Sandbox, SandboxRecord, SandboxSpec } from "../driver.ts";
import { identify, isAlive, parseStatus } from "../supervisor/index.ts";
import { BubblewrapDriver } from "./index.ts";

let dir: string;
let driver: BubblewrapDriver;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "glovebox-driver-"));
  driver = new BubblewrapDriver({ runDir: join(dir, "run"), waiting: 0 });
});
afterAll(async () => {
  await driver.sweep(new Set());
  await driver[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

function spec(more: Partial<SandboxSpec> = {}): SandboxSpec {
  const id = newId();
  const workspaceDir = join(dir, `ws-${id}`);
  mkdirSync(workspaceDir);
  const limits = { cpus: 1, memoryMb: 256, pids: 64, openFiles: 256, diskMb: 64 };
  return { id, workspaceDir, limits, allowPartial: false, env: {}, languages: [], ...more };
}

/** Runs Python in it and gives what it printed, with how it ended. */
async function python(sandbox: Sandbox, code: string): Promise<{ text: string; signal?: string }> {
  const argv = ["/usr/bin/python3", "-c", code];
  const program = await sandbox.spawn({ kind: "program", argv, stdin: "null" });
  let text = "";
  for await (const item of program.output()) {
    if (item.kind === "output") text += Buffer.from(item.data).toString();
    if (item.kind === "exit") {
      program.release();
      return { text: text.trim(), ...(item.exit.signal === undefined ? {} : { signal: item.exit.signal }) };
    }
  }
  throw new Error("no exit");
}

function statusOf(id: string) {
  return parseStatus(readFileSync(join(dir, "run", id, "status"), "utf8"));
}

describe("the end of a sandbox", () => {
  test("is told within a second when its processes are killed from outside, and can be cleaned up", async () => {
    await using sandbox = await driver.create(spec());
    process.kill(statusOf(sandbox.id).started?.pid ?? 0, "SIGKILL");
    expect(await sandbox.ended).toEqual({ kind: "signal", signal: "SIGKILL" });
    await expect(sandbox.spawn({ kind: "program", argv: ["/bin/true"] })).rejects.toMatchObject({
      code: "unavailable",
    });
    await sandbox.destroy();
    expect(existsSync(join(dir, "run", sandbox.id))).toBe(false);
  });

  test("is told when its supervisor is killed, and nothing lives on", async () => {
    await using sandbox = await driver.create(spec());
    const { supervisor, started } = statusOf(sandbox.id);
    const bwrap = identify(started?.pid ?? 0);
    process.kill(supervisor?.pid ?? 0, "SIGKILL");
    expect((await sandbox.ended).kind).toBe("signal");
    await expect.poll(() => bwrap && isAlive(bwrap)).toBe(false);
  });
});

test("a sandbox that another server took over is left alone by the one before", async () => {
  const sandbox = await driver.create(spec());
  await using next = new BubblewrapDriver({ runDir: join(dir, "run"), waiting: 0 });
  await using taken = await next.attach(sandbox.record);
  expect(await sandbox.ended).toEqual({ kind: "protocol", message: "another server took the sandbox over" });
  await sandbox.destroy();
  expect((await python(taken, "print(3)")).text).toBe("3");
});

test("a sandbox that was let go of can be taken up again by the same driver, once", async () => {
  const sandbox = await driver.create(spec());
  await sandbox.detach();
  const attaching = [driver.attach(sandbox.record), driver.attach(sandbox.record)];
  const [one, two] = await Promise.allSettled(attaching);
  expect([one?.status, two?.status].sort()).toEqual(["fulfilled", "rejected"]);
  for (const result of [one, two]) if (result?.status === "fulfilled") await result.value.destroy();
  expect(existsSync(join(dir, "run", sandbox.id))).toBe(false);
});

test.skipIf(process.getuid?.() !== 0)("a new server gives no uid that a surviving sandbox has", async () => {
  await using old = await driver.create(spec());
  await using next = new BubblewrapDriver({ runDir: join(dir, "run"), waiting: 0 });
  const sandboxes = await Promise.all(Array.from({ length: 4 }, () => next.create(spec())));
  const uids = [old, ...sandboxes].map((sandbox) => sandbox.record.data.uid);
  await Promise.all(sandboxes.map((sandbox) => sandbox.destroy()));
  expect(new Set(uids).size).toBe(5);
});

describe("a server that is killed", () => {
  async function startServer(outlive: boolean): Promise<{ server: ChildProcess; record: SandboxRecord }> {
    const workspaceDir = spec().workspaceDir;
    const script = `
      import { BubblewrapDriver } from ${JSON.stringify(join(import.meta.dirname, "index.ts"))};
      const driver = new BubblewrapDriver({ runDir: ${JSON.stringify(join(dir, "run"))}, waiting: 1 });
      await driver.warm();
      const limits = { cpus: 1, memoryMb: 128, pids: 64, openFiles: 256, diskMb: 64 };
      const sandbox = await driver.create({ id: ${JSON.stringify(newId())}, workspaceDir: ${JSON.stringify(workspaceDir)},
        limits, allowPartial: false, env: {}, languages: [], outliveServer: ${outlive} });
      const argv = ["/bin/sh", "-c", "i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i+1)); sleep 0.02; done; exit 6"];
      const program = await sandbox.spawn({ kind: "program", argv, stdin: "null" });
      await driver.warm();
      for await (const item of program.output()) {
        if (item.kind !== "output") continue;
        program.ack("stdout", item.offset + item.data.length);
        console.log(JSON.stringify(sandbox.record));
      }`;
    const args = ["--input-type=module-typescript", "-e", script];
    const server = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const [first] = (await once(server.stdout ?? server, "data")) as [Buffer];
    return { server, record: JSON.parse(first.toString().split("\n")[0] ?? "") };
  }

  test("leaves its sandboxes running, and the next server goes on where it stopped reading", async () => {
    const { server, record } = await startServer(true);
    server.kill("SIGKILL");
    await once(server, "exit");
    await using sandbox = await driver.attach(record);
    const [program] = sandbox.attached;
    let text = "";
    let code: number | undefined;
    for await (const item of program?.output() ?? []) {
      if (item.kind === "output") text += Buffer.from(item.data).toString();
      if (item.kind === "exit") code = item.exit.code;
    }
    expect(code).toBe(6);
    const lines = text.trim().split("\n");
    expect(lines.at(-1)).toBe("line 39");
    expect(lines).toEqual(lines.map((_, index) => `line ${40 - lines.length + index}`));
    await expect(driver.attach(record)).rejects.toMatchObject({ code: "conflict" });
    // What waited for the dead server has gone by itself.
    const waiting = () => readdirSync(join(dir, "run")).filter((name) => name.startsWith("waiting-"));
    await expect.poll(waiting).toEqual([]);
  });

  test("takes a sandbox along that was not to outlive it", async () => {
    const { server, record } = await startServer(false);
    server.kill("SIGKILL");
    await expect.poll(() => statusOf(record.id).end).toMatchObject({ kind: "signal", number: 9 });
    await expect(driver.attach(record)).rejects.toMatchObject({ code: "not_found" });
    expect((await driver.sweep(new Set())).removed.join("\n")).toContain(record.id);
    expect(existsSync(join(dir, "run", record.id))).toBe(false);
  });
});

describe("a sweep", () => {
  test("removes the socket that a killed launcher of a dead server left, and no other", async () => {
    const run = join(dir, "run");
    const mine = `launcher-${process.pid}-x`;
    for (const name of ["launcher-4194305-x", mine]) writeFileSync(join(run, name), "");
    await driver.sweep(new Set());
    expect(readdirSync(run).filter((name) => name.endsWith("-x"))).toEqual([mine]);
    rmSync(join(run, mine));
  });
});

describe("system calls in a sandbox", () => {
  test("get the verdict that the filter has for them", async () => {
    await using sandbox = await driver.create(spec());
    const code = `
import ctypes, os, platform, socket
libc = ctypes.CDLL(None, use_errno=True)
x = platform.machine() == "x86_64"
def call(n, *args):
    ctypes.set_errno(0)
    return "ok" if libc.syscall(n, *args) >= 0 else os.strerror(ctypes.get_errno())
print("mount", call(165 if x else 40, b"none", b"/tmp", b"tmpfs", 0, 0))
print("unshare", call(272 if x else 97, 0x10000000))
print("ptrace", call(101 if x else 117, 16, 1, 0, 0))
print("keyctl", call(250 if x else 219, 0, -3, 1))
print("io_uring", call(425, 8, 0))
print("clone3", call(435, 0, 0))
print("perf", call(298 if x else 241, 0, 0, -1, -1, 0))
print("getpid", call(39 if x else 172))
for family, kind in ((socket.AF_PACKET, socket.SOCK_RAW), (socket.AF_INET, socket.SOCK_RAW), (40, 1), (38, 5)):
    try:
        socket.socket(family, kind)
        print(family, kind, "made")
    except OSError as e:
        print(family, kind, "refused")
`;
    const { text } = await python(sandbox, code);
    expect(text.split("\n")).toEqual([
      ...["mount", "unshare", "ptrace", "keyctl", "io_uring"].map((name) => `${name} Operation not permitted`),
      "clone3 Function not implemented",
      "perf Operation not permitted",
      "getpid ok",
      ...["17 3", "2 3", "40 1", "38 5"].map((socket) => `${socket} refused`),
    ]);
  });

  test("that are hostile end the program, and not the sandbox", async () => {
    await using sandbox = await driver.create(spec());
    const code =
      "import ctypes, platform; ctypes.CDLL(None).syscall(321 if platform.machine() == 'x86_64' else 280, 0, 0, 0)";
    expect(await python(sandbox, code)).toEqual({ text: "", signal: "SIGSYS" });
    expect((await python(sandbox, "print(1)")).text).toBe("1");
  });
});

describe("a driver", () => {
  test("works in a run folder whose path is longer than a socket's may be", async () => {
    const runDir = join(dir, "long-".repeat(30), "run");
    await using other = new BubblewrapDriver({ runDir, waiting: 0 });
    const sandbox = await other.create(spec());
    const { record } = sandbox;
    await sandbox.detach();
    await using again = await new BubblewrapDriver({ runDir, waiting: 0 }).attach(record);
    expect((await python(again, "print(7)")).text).toBe("7");
  });

  test("says what bubblewrap said when a sandbox does not start", async () => {
    const workspaceDir = join(dir, "not-there");
    await expect(driver.create(spec({ workspaceDir }))).rejects.toThrow(/not-there|ENOENT/);
    const nodePath = join(dir, "no-node");
    await using broken = new BubblewrapDriver({ runDir: join(dir, "broken"), nodePath, waiting: 0 });
    await expect(broken.create(spec())).rejects.toMatchObject({ code: "isolation_unavailable", message: /no-node/ });
    expect(await broken.probe()).toMatchObject({ available: false, reason: expect.stringContaining("no-node") });
  });

  test("gives a sandbox no name, path or process of the host's", async () => {
    await using sandbox = await driver.create(spec());
    const code = `
import os, socket
print(socket.gethostname(), os.getuid(), os.getpid() < 50)
print(sorted(os.listdir("/")))
print(sorted(n for n in os.listdir("/proc") if n.isdigit())[0], os.path.exists("/sys/kernel"))
for path in ("/x", "/dev/x", "/etc/x", "/usr/x", "/glovebox/x", "/proc/sys/kernel/hostname"):
    try:
        open(path, "w")
        print("wrote", path)
    except OSError:
        pass`;
    const { text } = await python(sandbox, code);
    const [who, root, proc, ...wrote] = text.split("\n");
    expect(who).toBe("glovebox 1000 True");
    expect(root).not.toMatch(/'(home|root|work|sys|mnt|srv|opt)'/);
    expect(proc).toBe("1 False");
    expect(wrote).toEqual([]);
  });
});
