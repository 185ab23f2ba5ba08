import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nativeProgram } from "../native/index.ts";
import { Supervisor } from "./index.ts";
import { LAUNCHER_PREFIX, Launcher } from "./launcher.ts";

let dir: string;
let binary: string;
let count = 0;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "glovebox-launcher-"));
  binary = await nativeProgram("supervisor", dir);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function launched(launcher: Launcher): Promise<Supervisor> {
  const folder = join(dir, `run-${++count}`);
  mkdirSync(folder, { mode: 0o700 });
  const spec = { binary, folder, listenFd: 10, options: [] };
  return Supervisor.launch(spec, (...what) => launcher.launch(...what));
}

function sockets(): string[] {
  return readdirSync(dir).filter((name) => name.startsWith(LAUNCHER_PREFIX));
}

/** The process that listens for us. */
async function launcherOf(supervisor: Supervisor): Promise<number> {
  const stat = readFileSync(`/proc/${supervisor.identity.pid}/stat`, "utf8");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

const sleeping = { outlive: true, binds: [], fds: [], argv: ["/bin/sleep", "600"], env: {} };

describe("a launcher", () => {
  test("starts many at once, each with a session and a socket of its own, and leaves them when it goes", async () => {
    const launcher = new Launcher(dir);
    const all = await Promise.all(Array.from({ length: 20 }, () => launched(launcher)));
    try {
      const pids = all.map(({ identity }) => identity.pid);
      expect(new Set(pids).size).toBe(20);
      for (const pid of pids) {
        expect(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[3]).toBe(String(pid));
      }
      const [first, second] = all;
      await first?.go(sleeping);
      const parent = await launcherOf(all[0] as Supervisor);
      await launcher[Symbol.asyncDispose]();
      expect(() => process.kill(parent, 0)).toThrow("ESRCH");
      expect(sockets()).toEqual([]);
      expect(first?.alive).toBe(true);
      expect(second?.waiting).toBe(true);
      await first?.kill();
      expect(await first?.ended()).toMatchObject({ kind: "signal" });
    } finally {
      await Promise.all(all.map((supervisor) => supervisor.kill()));
    }
  });

  test("is started again when it was killed, and leaves no zombies", async () => {
    await using launcher = new Launcher(dir);
    const one = await launched(launcher);
    const before = await launcherOf(one);
    await one.kill();
    await expect.poll(() => children(before)).toEqual("");
    process.kill(before, "SIGKILL");
    const two = await launched(launcher);
    expect(await launcherOf(two)).not.toBe(before);
    await two.kill();
    const left = await Promise.all(sockets().map(answers));
    expect(left.sort()).toEqual([false, true]);
    for (const name of sockets()) if (!(await answers(name))) rmSync(join(dir, name));
  });

  test("is replaced when it hangs, and does not hold up who closes it", async () => {
    const launcher = new Launcher(dir, { patienceMs: 500 });
    const one = await launched(launcher);
    const before = await launcherOf(one);
    process.kill(before, "SIGSTOP");
    const two = await launched(launcher);
    const after = await launcherOf(two);
    expect(after).not.toBe(before);
    await expect.poll(() => existsSync(`/proc/${before}`)).toBe(false);
    process.kill(after, "SIGSTOP");
    await launcher[Symbol.asyncDispose]();
    expect(existsSync(`/proc/${after}`)).toBe(false);
    await Promise.all([one.kill(), two.kill()]);
    for (const name of sockets()) rmSync(join(dir, name));
  });

  test("refuses what is no request, and goes on", async () => {
    await using launcher = new Launcher(dir);
    const one = await launched(launcher);
    const [name = ""] = sockets();
    const length = Buffer.alloc(4);
    length.writeUInt32LE(5);
    for (const bytes of ["\xff\xff\xff\xff", "\0\0\0\0", Buffer.concat([length, Buffer.from("no\0no")])]) {
      expect(await said(name, bytes)).toBe("error request: Bad message\n");
    }
    length.writeUInt32LE(13);
    expect(await said(name, Buffer.concat([length, Buffer.from("/no/such/dir\0")]))).toContain("No such file");
    const two = await launched(launcher);
    expect(two.waiting).toBe(true);
    await Promise.all([one.kill(), two.kill()]);
  });

  test("is waited for by a process that has nothing else to do, and keeps none alive", async () => {
    const script = `
      import { Launcher } from ${JSON.stringify(join(import.meta.dirname, "launcher.ts"))};
      import { Supervisor } from ${JSON.stringify(join(import.meta.dirname, "index.ts"))};
      import { mkdirSync } from "node:fs";
      const [dispose, folder] = process.argv.slice(1);
      mkdirSync(folder);
      const launcher = new Launcher(${JSON.stringify(dir)});
      const spec = { binary: ${JSON.stringify(binary)}, folder, listenFd: 10, options: [] };
      await Supervisor.launch(spec, (...what) => launcher.launch(...what));
      if (dispose === "yes") await launcher[Symbol.asyncDispose]();
      console.log("over");`;
    for (const dispose of ["yes", "no"]) {
      const args = ["--conditions=development", "--input-type=module-typescript", "-e", script, dispose];
      const { stdout } = await promisify(execFile)(process.execPath, [...args, join(dir, `alone-${dispose}`)]);
      expect(stdout).toBe("over\n");
    }
    await expect.poll(sockets).toEqual([]);
  });

  test("says what is wrong with a program that cannot be started", async () => {
    await using launcher = new Launcher(dir);
    const wrong = launcher.launch("/no/such/program", dir, []);
    await expect(wrong).rejects.toMatchObject({ code: "isolation_unavailable" });
    const nowhere = launcher.launch(binary, join(dir, "nowhere"), []);
    await expect(nowhere).rejects.toThrow(/nowhere: No such file/);
    await expect(launcher.launch(binary, dir, ["a\0b"])).rejects.toMatchObject({ code: "invalid_argument" });
  });
});

function children(pid: number): string {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
}

function answers(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(join(dir, name));
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

function said(name: string, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(join(dir, name));
    socket.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
    });
    socket.once("error", reject).once("close", () => resolve(text));
    socket.end(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  });
}
