import { execFile, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { Glovebox } from "@glovebox/sdk";
import Database from "better-sqlite3";
import { afterEach, describe, expect, test } from "vitest";
import { cleanEnv, glovebox, startServer } from "../support/server.ts";
import { hostLeftovers } from "./host-leftovers.ts";

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function folder(name = "glovebox-folders-"): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), name));
  folders.push(made);
  return made;
}

/** A server that is expected not to start. */
async function refused(dataDir: string, options: { args?: readonly string[]; wrapper?: readonly string[] } = {}) {
  const argv = [...(options.wrapper ?? []), glovebox, "up", "--port", "0", "--data", dataDir, "--json"];
  const child = spawn(argv[0] ?? "", [...argv.slice(1), ...(options.args ?? [])], {
    env: cleanEnv(),
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 30_000,
    killSignal: "SIGKILL",
  });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once("exit", resolve));
  return { code: child.exitCode, said: out + err };
}

/** What a working server must be able to do, wherever its folder is. */
async function expectToWork(dataDir: string): Promise<void> {
  {
    await using server = await startServer({ dataDir });
    const box = await Glovebox.connect({ url: server.url, token: server.token });
    const session = await box.sessions.create({ template: "python" });
    expect((await session.run("open('kept', 'w').write('kept')\n6 * 7")).value?.json).toBe(42);
    const running = await session.spawn(["sh", "-c", "sleep 1; echo over"]);
    await server.kill();
    await using second = await startServer({ dataDir });
    const again = await Glovebox.connect({ url: second.url, token: server.token });
    expect((await again.executions.wait(running.id)).status).toBe("ok");
    const kept = await again.sessions.get(session.id);
    expect(await kept.files.readText("kept")).toBe("kept");
    await kept.close();
    await second.stop();
  }
  await expect.poll(() => hostLeftovers(dataDir), { timeout: 10_000 }).toEqual([]);
}

describe("a server works over a data folder", () => {
  test("whose path is longer than a socket's may be", async () => {
    const dataDir = join(await folder(), "a-folder-with-a-long-name".repeat(4), "and-one-below-it".repeat(5));
    await mkdir(dataDir, { recursive: true });
    expect(dataDir.length).toBeGreaterThan(180);
    await expectToWork(dataDir);
  });

  test("whose path has spaces, quotes and letters of other alphabets", async () => {
    const dataDir = join(await folder(), "my data 'and' \"yours\" $HOME ; ü 数据 -x");
    await mkdir(dataDir);
    await expectToWork(dataDir);
  });

  test("that is reached through a symlink", async () => {
    const real = await folder();
    const link = `${real}-link`;
    const { symlink } = await import("node:fs/promises");
    await symlink(real, link);
    folders.push(link);
    await expectToWork(link);
  });
});

describe("a server refuses, in a sentence and without a stack,", () => {
  const plain = (said: string) => expect(said).not.toMatch(/\n\s+at .*\(|node:internal/);

  test("a data folder that it may not write", async ({ skip }) => {
    const dataDir = await folder();
    await chmod(dataDir, 0o500);
    // Root writes everywhere: it needs a file system that is read-only.
    if (isRoot) {
      const mounted = await run("mount", ["-t", "tmpfs", "-o", "ro,size=1m", "none", dataDir]).then(
        () => true,
        () => false,
      );
      skip(!mounted, "isolation bubblewrap: no read-only file system can be mounted here");
    }
    try {
      const { code, said } = await refused(dataDir);
      expect(code).toBeGreaterThan(0);
      expect(said).toMatch(/store_failed|read-only|permission|EROFS|EACCES/i);
      plain(said);
    } finally {
      if (isRoot) await run("umount", [dataDir]);
      await chmod(dataDir, 0o700);
    }
  });

  test("a data folder that another server has", async () => {
    await using server = await startServer();
    const { code, said } = await refused(server.dataDir);
    expect(code).toBeGreaterThan(0);
    expect(said).toContain(String(server.pid));
    plain(said);
    expect((await fetch(`${server.url}/v1/health`)).status).toBe(200);
  });

  test("a data folder of a newer version, which it leaves as it is", async () => {
    const dataDir = await folder();
    await (await startServer({ dataDir })).stop();
    const file = join(dataDir, "glovebox.db");
    expect(await readdir(dataDir)).toContain("glovebox.db");
    const database = new Database(file);
    database.pragma("user_version = 9999");
    database.close();
    const { code, said } = await refused(dataDir);
    expect(code).toBeGreaterThan(0);
    expect(said).toMatch(/newer/i);
    plain(said);
  });

  test("a port that is taken", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as { port: number };
    try {
      const dataDir = await folder();
      const { code, said } = await refused(dataDir, { args: ["--port", String(port)] });
      expect(code).toBeGreaterThan(0);
      expect(said).toContain(String(port));
      plain(said);
      expect(await hostLeftovers(dataDir)).toEqual([]);
    } finally {
      taken.close();
    }
  });
});

test("on a disk that fills up, code is stopped, callers are told, and work goes on when there is room", async ({
  skip,
}) => {
  skip(!isRoot, "isolation bubblewrap: only root can mount a small disk");
  const disk = await folder();
  const mounted = await run("mount", ["-t", "tmpfs", "-o", "size=24m", "none", disk]).then(
    () => true,
    () => false,
  );
  skip(!mounted, "isolation bubblewrap: no small disk can be mounted here");
  try {
    await using server = await startServer({ dataDir: disk });
    const box = await Glovebox.connect({ url: server.url, token: server.token });
    const session = await box.sessions.create({ template: "python" });
    const done = await session.run("print('acknowledged')");
    const filler = `try:
    with open('/workspace/full', 'wb') as f:
        while True: f.write(b'x' * 65536)
except OSError as e: print(e)`;
    await session.run(filler).catch(() => undefined);
    const failed = await session
      .run("for i in range(5000): print('more output', i, 'x' * 500)")
      .catch((error: unknown) => error);
    expect(failed).toBeDefined();
    expect((await fetch(`${server.url}/v1/health`)).status).toBe(200);
    expect((await box.executions.events(done.execution.id)).items).toEqual(done.events);
    const workspaces = join(disk, "workspaces", session.id);
    await rm(join(workspaces, "full"), { force: true });
    await expect
      .poll(async () => (await session.run("6 * 7").catch(() => undefined))?.value?.json, {
        timeout: 20_000,
        interval: 300,
      })
      .toBe(42);
    await session.close();
  } finally {
    await run("umount", ["-l", disk]);
  }
});
