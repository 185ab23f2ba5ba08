import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { silentLogger } from "../../core/index.ts";
import { detectCgroups } from "../cgroup/index.ts";
import { nativeProgram } from "../native/index.ts";
import type { GoMessage } from "./go-message.ts";
import {
  identify,
  isAlive,
  parseStatus,
  SOCKET_NAME,
  Supervisor,
  SupervisorPool,
  signalExactly,
  WAITING_PREFIX,
} from "./index.ts";

let dir: string;
let binary: string;
let count = 0;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "glovebox-supervisor-"));
  binary = await nativeProgram("supervisor", dir);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function launch(options: readonly string[] = []): Promise<{ supervisor: Supervisor; folder: string }> {
  count += 1;
  const folder = join(dir, `run-${count}`);
  mkdirSync(folder, { mode: 0o700 });
  return { folder, supervisor: await Supervisor.launch({ binary, folder, listenFd: 10, options }) };
}

function running(script: string, more: Partial<GoMessage> = {}): GoMessage {
  return { outlive: true, binds: [], fds: [], argv: ["/bin/sh", "-c", script], env: {}, ...more };
}

const status = (folder: string) => parseStatus(readFileSync(join(folder, "status"), "utf8"));

describe("a supervisor", () => {
  test("starts what it is told, with that environment and those descriptors only, and remembers how it ended", async () => {
    const { supervisor, folder } = await launch(["--open", "12", "/etc/hostname"]);
    expect(status(folder).supervisor?.pid).toBe(supervisor.identity.pid);
    await supervisor.go(
      running("env >&2; ls /proc/self/fd >&2; umask >&2; exit 3", { fds: [10], env: { ONLY: "this" } }),
    );
    expect(await supervisor.ended()).toMatchObject({ kind: "exit", code: 3 });
    const log = await supervisor.log();
    expect(log).toContain("ONLY=this");
    expect(log).not.toContain("HOME=");
    // 3 is the folder that `ls` itself reads; 12 was not named.
    expect(log.split("\n").filter((line) => /^\d+$/.test(line))).toEqual(["0", "1", "10", "2", "3", "0022"]);
    expect(status(folder).end).toMatchObject({ kind: "exit", code: 3 });
    await supervisor.kill();
    expect(supervisor.alive).toBe(false);
  });

  test("tells a signal from an exit, and what it could not start", async () => {
    const one = await launch();
    await one.supervisor.go(running("kill -SEGV $$"));
    expect(await one.supervisor.ended()).toMatchObject({ kind: "signal", number: 11 });
    const two = await launch();
    await two.supervisor.go({ ...running(""), argv: ["/no/such/program"] });
    expect(await two.supervisor.ended()).toMatchObject({ kind: "exit", code: 127 });
    expect(await two.supervisor.log()).toContain("/no/such/program");
  });

  test("makes a network namespace with the sockets it is told of, where every address is local", async () => {
    const { supervisor } = await launch();
    const sockets = [
      { fd: 13, type: "tcp", address: "0.0.0.0", port: 80 },
      { fd: 14, type: "udp", address: "127.0.0.1", port: 53 },
    ] as const;
    const script = `
exec 3<>/dev/tcp/192.0.2.1/80 && echo connected >&2
ls /proc/self/fd >&2; ls /proc/self/ns/net -l >&2
tail -n +3 /proc/net/dev | cut -d: -f1 >&2; grep -E '^Cap(Inh|Prm|Eff|Amb)' /proc/self/status | cut -f2 | sort -u >&2`;
    await supervisor.go({ ...running(""), argv: ["/bin/bash", "-c", script], fds: [13, 14], sockets });
    expect(await supervisor.ended()).toMatchObject({ kind: "exit", code: 0 });
    const log = await supervisor.log();
    expect(log).toContain("connected");
    expect(log.split("\n")).toEqual(expect.arrayContaining(["13", "14"]));
    expect(log).not.toContain(readlinkSync("/proc/self/ns/net"));
    expect(log).toMatch(/^ *lo$/m);
    // An ordinary user's rights in the namespace around it ended with its making.
    if (process.getuid?.() !== 0) expect(log).toMatch(/lo\n0000000000000000$/);
  });

  test("refuses sockets that it cannot make", async () => {
    const { supervisor } = await launch();
    const sockets = [{ fd: 13, type: "tcp", address: "nowhere", port: 80 }] as const;
    await expect(supervisor.go(running("true", { sockets }))).rejects.toMatchObject({
      code: "isolation_unavailable",
      message: expect.stringContaining("nowhere"),
    });
  });

  test("kills the process with all that it left behind, daemons too", async () => {
    const { supervisor } = await launch();
    const nap = `sleep 333.${process.pid}`;
    await supervisor.go(running(`setsid ${nap} & (setsid ${nap} &); ${nap}`));
    const sleepers = () => readdirSync("/proc").filter((pid) => cmdline(pid) === `${nap} `).length;
    await expect.poll(sleepers).toBe(3);
    await supervisor.kill();
    expect(await supervisor.ended()).toMatchObject({ kind: "signal", number: 9 });
    expect(sleepers()).toBe(0);
  });

  test("does not outlive being told to end with the server, and does otherwise", async () => {
    const mortal = await launch();
    await mortal.supervisor.go(running("sleep 334", { outlive: false }));
    mortal.supervisor.release();
    await expect.poll(() => mortal.supervisor.alive).toBe(false);
    expect(status(mortal.folder).end).toMatchObject({ kind: "signal", number: 9 });

    const lasting = await launch();
    await lasting.supervisor.go(running("sleep 0.5; exit 4"));
    lasting.supervisor.release();
    const adopted = Supervisor.adopt(lasting.supervisor.identity, lasting.folder);
    expect(adopted.alive).toBe(true);
    expect(await adopted.ended()).toMatchObject({ kind: "exit", code: 4 });
  });

  test("that was found again can be killed, and one whose pid is another's is left alone", async () => {
    const { supervisor, folder } = await launch();
    await supervisor.go(running("sleep 335"));
    supervisor.release();
    const other = Supervisor.adopt({ ...supervisor.identity, startTime: supervisor.identity.startTime - 1 }, folder);
    await other.kill();
    expect(supervisor.alive).toBe(true);
    await Supervisor.adopt(supervisor.identity, folder).kill();
    expect(supervisor.alive).toBe(false);
    expect(status(folder).end).toMatchObject({ kind: "signal", number: 9 });
  });

  test("whose own death is sudden takes the process along", async () => {
    const { supervisor, folder } = await launch();
    await supervisor.go(running("exec sleep 336"));
    const started = status(folder).started?.pid ?? 0;
    const child = identify(started);
    expect(child).toBeDefined();
    process.kill(supervisor.identity.pid, "SIGKILL");
    expect(await supervisor.ended()).toBeUndefined();
    await expect.poll(() => child && isAlive(child)).toBe(false);
  });

  test("that is not needed removes its folder and leaves", async () => {
    const { supervisor, folder } = await launch();
    expect(existsSync(join(folder, SOCKET_NAME))).toBe(true);
    supervisor.release();
    await expect.poll(() => supervisor.alive).toBe(false);
    expect(existsSync(folder)).toBe(false);
    await expect(supervisor.go(running("true"))).rejects.toMatchObject({ code: "isolation_unavailable" });
  });

  test("says why it cannot be prepared", async () => {
    for (const [options, why] of [
      [["--open", "12", "/no/such/file"], /open \/no\/such\/file/],
      [["--cgroup", "/no/such/cgroup", "/"], /cgroup/],
      [["--nonsense", "x", "y"], /option --nonsense/],
    ] as const) {
      await expect(launch(options)).rejects.toMatchObject({ code: "isolation_unavailable", message: why });
    }
  });

  test("refuses a go that is not one", async () => {
    const { supervisor } = await launch();
    await expect(supervisor.go({ ...running("true"), argv: [] })).rejects.toMatchObject({ message: /go argv/ });
    const mount = await launch();
    const binds = [["/etc", "/x"]] as const;
    await expect(mount.supervisor.go(running("true", { binds }))).rejects.toMatchObject({ message: /bind \/etc/ });
  });

  test("closes the socket once the process has it, so that nobody waits at a dead one", async () => {
    const { supervisor, folder } = await launch();
    const early = connect(join(folder, SOCKET_NAME));
    await once(early, "connect");
    const closed = new Promise((resolve) => early.on("close", resolve));
    early.on("error", () => {});
    await supervisor.go(running("exit 0"));
    await supervisor.ended();
    await closed;
    const late = connect(join(folder, SOCKET_NAME));
    await expect(once(late, "connect")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test.skipIf(process.getuid?.() !== 0)(
    "takes a uid and gid, without other groups and without a way back",
    async () => {
      const { supervisor } = await launch();
      const script = "id -u >&2; id -g >&2; id -G >&2; grep -h NoNewPrivs /proc/self/status >&2";
      await supervisor.go(running(script, { uid: 54321, gid: 54322 }));
      await supervisor.ended();
      expect((await supervisor.log()).split(/\s+/)).toEqual(["54321", "54322", "54322", "NoNewPrivs:", "1"]);
      await supervisor.kill();
    },
  );

  test.skipIf(process.getuid?.() !== 0)("shows only what was mounted for it in a stage", async () => {
    const folder = join(dir, "stage");
    mkdirSync(folder, { mode: 0o700 });
    const stage = [
      "--bind",
      "/usr",
      "/usr",
      "--link",
      "usr/bin",
      "/bin",
      "--link",
      "usr/lib",
      "/lib",
      "--link",
      "usr/lib64",
      "/lib64",
    ];
    const options = ["--stage", folder, ...stage];
    const supervisor = await Supervisor.launch({ binary, folder, listenFd: 10, options });
    const workspace = mkdtempSync(join(dir, "private-"));
    const script = "ls / >&2; ls /.host >&2; ls /late >&2 && echo seen >&2";
    await supervisor.go(running(script, { uid: 54321, gid: 54321, binds: [[workspace, "/late"]] }));
    await supervisor.ended();
    const log = await supervisor.log();
    expect(log.split("\n").filter((line) => /^[a-z0-9]+$/.test(line))).toEqual(["bin", "late", "lib", "lib64", "usr"]);
    expect(log).toContain("Permission denied");
    await supervisor.kill();
  });
});

describe("an identity", () => {
  test("is that of one process, dead or alive", async () => {
    const child = spawn("sleep", ["337"]);
    const identity = identify(child.pid ?? 0);
    if (!identity) throw new Error("no identity");
    expect(isAlive(identity)).toBe(true);
    expect(isAlive({ ...identity, bootId: "another" })).toBe(false);
    expect(signalExactly({ ...identity, startTime: 1 }, "SIGKILL")).toBe(false);
    expect(signalExactly(identity, "SIGKILL")).toBe(true);
    await once(child, "exit");
    expect(isAlive(identity)).toBe(false);
    expect(signalExactly(identity, "SIGKILL")).toBe(false);
    expect(signalExactly({ ...identity, pid: 1 }, "SIGKILL")).toBe(false);
  });
});

describe("a pool of supervisors", () => {
  const options = (runDir: string) => ({
    runDir,
    cgroups: detectCgroups(),
    cgroupPrefix: "deadbee3-",
    logger: silentLogger,
    launch: () => ({ binary, listenFd: 10, options: [] }),
  });

  test("hands out those that wait, fills up again, and leaves nothing when it is closed", async () => {
    const runDir = mkdtempSync(join(dir, "pool-"));
    await using pool = new SupervisorPool({ ...options(runDir), waiting: 2 });
    await pool.fill();
    expect(pool.size).toBe(2);
    const taken = await pool.take();
    expect(pool.size).toBe(1);
    await expect.poll(() => pool.size).toBe(2);
    for (const { dir: place } of taken.cgroup.places) {
      expect(readFileSync(join(place, "cgroup.procs"), "utf8").trim()).toBe(String(taken.supervisor.identity.pid));
    }
    await taken.supervisor.kill();
    expect(await taken.cgroup.remove()).toBe(true);
    rmSync(taken.folder, { recursive: true, force: true });
    await pool[Symbol.asyncDispose]();
    expect(readdirSync(runDir)).toEqual([]);
  });

  test("does not hand out one that died while it waited", async () => {
    const runDir = mkdtempSync(join(dir, "pool-"));
    await using pool = new SupervisorPool({ ...options(runDir), waiting: 1 });
    await pool.fill();
    const folder = readdirSync(runDir).find((name) => name.startsWith(WAITING_PREFIX)) ?? "";
    const { supervisor: dead } = status(join(runDir, folder));
    process.kill(dead?.pid ?? 0, "SIGKILL");
    await expect.poll(() => identify(dead?.pid ?? 0)).toBeUndefined();
    const taken = await pool.take();
    expect(taken.supervisor.identity.pid).not.toBe(dead?.pid);
    await taken.supervisor.kill();
    await taken.cgroup.remove();
  });
});

function cmdline(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}
