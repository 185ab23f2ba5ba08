import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AgentConnection } from "./connection.ts";
import { finish, python, shell } from "./process-fixture.ts";
import { type BareAgent, startBareAgent } from "./testing.ts";

/** As it really runs: the first process of a pid namespace, under an unprivileged uid. */
let agent: BareAgent;
let connection: AgentConnection;
beforeEach(async () => {
  agent = await startBareAgent({ pidNamespace: true, unprivileged: true });
  connection = await agent.connect();
});
afterEach(async () => {
  await agent[Symbol.asyncDispose]();
});

/** The agent's pid out here: the child of bwrap, or of our child that became it. */
function agentPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(agent.workspace);
      } catch {
        return false;
      }
    });
}

describe("the agent as the first process", () => {
  it("has nobody above it, cannot be looked into or killed from inside, and idles small", async () => {
    const script = `
import os
print(os.getppid())
for what in ('mem', 'environ', 'root', 'fd', 'maps'):
    try:
        path = '/proc/1/' + what
        os.listdir(path) if what in ('fd', 'root') else open(path, 'rb').read(1)
        print('open', what)
    except OSError: pass
os.kill(1, 9); os.kill(1, 15); os.kill(1, 2)
print(open('/proc/self/oom_score_adj').read().strip())`;
    expect((await finish(await connection.spawn(python(script)))).stdout).toBe("1\n1000\n");
    await connection.ping();
    await sleep(1500);
    const sizes = agentPids().map((pid) => readFileSync(`/proc/${pid}/status`, "utf8"));
    const own = sizes.find((status) => /^Name:\s+agent/m.test(status)) ?? "";
    expect(Number(/VmRSS:\s+(\d+)/.exec(own)?.[1])).toBeLessThanOrEqual(1536);
  });

  it("keeps its applets out of reach, too", async () => {
    const watching = connection.files.watch(".")[Symbol.asyncIterator]().next();
    watching.catch(() => {});
    await sleep(100);
    const script = `
import os
for name in os.listdir('/proc'):
    if not name.isdigit() or int(name) in (1, os.getpid()): continue
    try:
        open('/proc/%s/mem' % name, 'rb'); print('open')
    except OSError: print('closed')`;
    expect((await finish(await connection.spawn(python(script)))).stdout).toBe("closed\n");
  });

  it("wins against any fork bomb, also one whose processes flee into sessions of their own", async () => {
    const bomb = `
import os, time
for i in range(8):
    if os.fork() == 0:
        end = time.time() + 30
        while time.time() < end:
            try:
                if os.fork() > 0: os._exit(0)
                os.setsid()
            except OSError: pass
        os._exit(0)
time.sleep(100)`;
    const process = await connection.spawn(python(bomb));
    await sleep(200);
    await process.signal("SIGKILL", "tree");
    expect((await finish(process)).exit.signal).toBe("SIGKILL");
    expect((await connection.stats()).pids).toBe(0);
    expect((await finish(await connection.spawn(shell("echo on")))).stdout).toBe("on\n");
  });

  it("stops a bomb by the watchdog as well", async () => {
    await connection.watch({ pids: 60, intervalMs: 10 });
    const bomb =
      "import os, time\nend = time.time() + 20\nwhile time.time() < end:\n    os.fork()\n    time.sleep(0.05)";
    const done = await finish(await connection.spawn(python(bomb)));
    expect(done).toMatchObject({ limits: ["pids killed"], exit: { limit: "pids" } });
    await expect.poll(async () => (await connection.stats()).pids).toBe(0);
  });

  it("holds what it starts to a number of processes, but not itself", async () => {
    await using held = await startBareAgent({ pidNamespace: true, unprivileged: true, processes: 6 });
    const other = await held.connect();
    const script = `
import os, time
count = 0
try:
    while count < 50:
        if os.fork() == 0: time.sleep(30)
        count += 1
except OSError as error: print(count < 10, error.errno, flush=True)
time.sleep(30)`;
    const full = await other.spawn(python(script));
    const { value } = await full.output()[Symbol.asyncIterator]().next();
    expect(value?.kind === "output" ? Buffer.from(value.data).toString() : value).toBe("True 11\n");
    await full.signal("SIGKILL", "tree");
    full.release();
    expect((await finish(await other.spawn(shell("echo on")))).stdout).toBe("on\n");
  });

  it("takes everything with it when it powers off", async () => {
    await connection.spawn(shell("sleep 100 & setsid sleep 100 & wait"));
    await connection.powerOff();
    await expect.poll(() => agentPids().length).toBe(0);
  });
});
