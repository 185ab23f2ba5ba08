import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AgentConnection } from "./connection.ts";
import { finish, python, shell } from "./process-fixture.ts";
import { type BareAgent, startBareAgent } from "./testing.ts";

let agent: BareAgent;
let connection: AgentConnection;
const notices: string[] = [];

beforeEach(async () => {
  agent = await startBareAgent();
  connection = await agent.connect();
  notices.length = 0;
  connection.onNotice(({ limit, action }) => notices.push(`${limit} ${action}`));
});
afterEach(async () => {
  await agent[Symbol.asyncDispose]();
});

describe("the watchdogs", () => {
  it("kill everything when memory is over, counting all processes together", async () => {
    const { memoryBytes } = await connection.stats();
    const watched = memoryBytes + 60_000_000;
    await connection.watch({ memoryBytes: watched, intervalMs: 20 });
    const eater = python("import os, time\nos.fork(); os.fork()\nx = bytearray(30_000_000)\ntime.sleep(30)");
    const small = await connection.spawn(shell("sleep 30"));
    const large = await connection.spawn(eater);
    const [first, second] = await Promise.all([finish(small), finish(large)]);
    expect(first).toMatchObject({ limits: ["memory killed"], exit: { signal: "SIGKILL", limit: "memory" } });
    expect(second).toMatchObject({ limits: ["memory killed"], exit: { signal: "SIGKILL", limit: "memory" } });
    expect(notices).toEqual(["memory killed"]);
    expect((await connection.stats()).oomKills).toBe(1);
    expect((await finish(await connection.spawn(shell("echo still here")))).stdout).toBe("still here\n");
  });

  it("do not count twice what forks share, and do count shared memory without a file", async () => {
    const { memoryBytes } = await connection.stats();
    await connection.watch({ memoryBytes: memoryBytes + 90_000_000, intervalMs: 10 });
    const family = "import os, time\nx = bytearray(b'1') * 40_000_000\n[os.fork() for i in range(3)]\ntime.sleep(0.3)";
    expect((await finish(await connection.spawn(python(family)))).exit.code).toBe(0);
    const hidden = "import mmap, time\nm = mmap.mmap(-1, 120_000_000)\nm.write(b'1' * 120_000_000)\ntime.sleep(30)";
    expect((await finish(await connection.spawn(python(hidden)))).exit).toMatchObject({ limit: "memory" });
  });

  it("count threads as processes", async () => {
    await connection.watch({ pids: 20, intervalMs: 20 });
    const script =
      "import threading, time\nfor i in range(40): threading.Thread(target=time.sleep, args=(30,)).start()";
    const done = await finish(await connection.spawn(python(script)));
    expect(done).toMatchObject({ limits: ["pids killed"], exit: { limit: "pids" } });
    await connection.watch({});
    expect((await finish(await connection.spawn(shell("true")))).exit.code).toBe(0);
  });

  it("find what fills the disk: files, many links to one, and files deleted while open", async () => {
    const root = agent.workspace;
    await mkdir(join(root, "a/b"), { recursive: true });
    await writeFile(join(root, "a/b/one"), Buffer.alloc(3 << 20, 1));
    await finish(await connection.spawn(shell("for i in 1 2 3 4 5 6 7 8; do ln a/b/one link$i; done; ln -s / root")));
    const { diskBytes } = await connection.stats();
    expect(diskBytes).toBeGreaterThanOrEqual(3 << 20);
    expect(diskBytes).toBeLessThan(4 << 20);
    await connection.watch({ diskBytes: 8 << 20, intervalMs: 20 });
    const hidden =
      "import os, time\nf = open('x', 'wb'); os.unlink('x')\nf.write(os.urandom(9 << 20)); f.flush()\ntime.sleep(30)";
    const done = await finish(await connection.spawn(python(hidden)));
    expect(done).toMatchObject({ limits: ["disk killed"], exit: { limit: "disk" } });
    expect(notices).toEqual(["disk killed"]);
  });

  it("keep counting while nobody is connected, and tell the next host", async () => {
    await connection.watch({ pids: 3, intervalMs: 20 });
    const script = "import os, time\n[os.fork() for i in range(3)]\ntime.sleep(30)";
    const process = await connection.spawn(python(script));
    await connection.close();
    await sleep(300);
    const second = await agent.connect();
    const held = second.attached.find((candidate) => candidate.id === process.id);
    if (held === undefined) throw new Error("lost");
    expect(await finish(held)).toMatchObject({ limits: ["pids killed"], exit: { limit: "pids" } });
  });
});

describe("statistics", () => {
  it("sum up what runs and what ran", async () => {
    const burn =
      "import time\nx = bytearray(20_000_000)\nwhile time.process_time() < 0.2: pass\nprint('up', flush=True)\ntime.sleep(30)";
    const process = await connection.spawn(python(burn));
    await process.output()[Symbol.asyncIterator]().next();
    const during = await connection.stats();
    expect(during.memoryBytes).toBeGreaterThan(20_000_000);
    expect(during.pids).toBe(1);
    expect(during.cpuMs).toBeGreaterThanOrEqual(190);
    await process.signal("SIGKILL");
    process.release();
    await expect.poll(async () => (await connection.stats()).pids).toBe(0);
    expect((await connection.stats()).cpuMs).toBeGreaterThanOrEqual(190);
  });

  it("can be asked for many times at once, and given up", async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => connection.stats()));
    expect(all.length).toBe(20);
    await expect(connection.stats(AbortSignal.abort())).rejects.toMatchObject({ code: "cancelled" });
    await connection.ping();
  });

  it("end with the sandbox", async () => {
    const process = await connection.spawn(shell("sleep 30"));
    await connection.powerOff();
    expect(await connection.closed).toMatchObject({ by: "agent" });
    await expect(process.output()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "unavailable" });
  });
});
