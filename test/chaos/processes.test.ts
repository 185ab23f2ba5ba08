import { readdir, readFile } from "node:fs/promises";
import { Glovebox, type Session } from "@glovebox/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startServer, type TestServer } from "../support/server.ts";
import { hostLeftovers } from "./host-leftovers.ts";

let server: TestServer;
let box: Glovebox;
beforeAll(async () => {
  server = await startServer();
  box = await Glovebox.connect({ url: server.url, token: server.token });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

interface Seen {
  readonly pid: number;
  readonly parent: number;
  readonly words: string;
}

async function processes(): Promise<Seen[]> {
  const found: Seen[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const status = await readFile(`/proc/${name}/status`, "utf8").catch(() => "");
    const words = await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "");
    found.push({
      pid: Number(name),
      parent: Number(/^PPid:\s+(\d+)/m.exec(status)?.[1] ?? 0),
      words: words.replaceAll("\0", " "),
    });
  }
  return found;
}

/** The session's processes from outside in: supervisor, bwrap, agent, kernel. */
async function chainOf(session: Session): Promise<Readonly<Record<Victim, number>>> {
  const all = await processes();
  const bwrap = all.find(({ words }) => words.includes("--unshare-user") && words.includes(session.id));
  // Where the stage hides the host's paths, the mark that the session's code left tells which sandbox it is.
  const kernel = all.find(({ words }) => words.includes(MARK(session.id)));
  const byPid = new Map(all.map((seen) => [seen.pid, seen]));
  const marked = kernel === undefined ? undefined : byPid.get(kernel.pid);
  const chain: Seen[] = [];
  for (let seen = marked ?? bwrap; seen !== undefined && seen.pid !== 1; seen = byPid.get(seen.parent))
    chain.push(seen);
  const find = (pattern: RegExp) => chain.find(({ words }) => pattern.test(words.split(" ")[0] ?? ""))?.pid ?? 0;
  const agent = find(/\/agent$/);
  return {
    supervisor: find(/supervisor-/),
    bwrap: find(/bwrap$/),
    agent,
    kernel: all.find(({ parent, words }) => parent === agent && words.includes("kernel.py"))?.pid ?? 0,
  };
}

type Victim = "supervisor" | "bwrap" | "agent" | "kernel";
const MARK = (id: string) => `mark-of-${id}`;

/** A session with a program that bears its mark, and one that is waited for. */
async function busySession() {
  const session = await box.sessions.create({ template: "python" });
  await session.run("kept = 1");
  await session.spawn(["sh", "-c", "sleep 1000; true", MARK(session.id)]);
  const running = await session.start({
    kind: "repl",
    input: "import time\nprint('begun', flush=True)\ntime.sleep(60)",
  });
  for await (const event of running.follow()) if (event.type === "stdout") break;
  return { session, running, chain: await chainOf(session) };
}

describe("a session loses a process from under it", () => {
  const blows: readonly (readonly [Victim, NodeJS.Signals])[] = [
    ["supervisor", "SIGKILL"],
    ["bwrap", "SIGKILL"],
    ["agent", "SIGKILL"],
  ];
  test.each(blows)("%s, by %s: it is crashed and says why, its executions are over", async (victim, signal) => {
    const { session, running, chain } = await busySession();
    expect(chain[victim]).toBeGreaterThan(1);
    process.kill(chain[victim], signal);
    const ended = (await running.wait()).execution;
    expect(["killed", "lost", "internal_error"]).toContain(ended.status);
    await expect.poll(async () => (await session.refresh()).status, { timeout: 10_000 }).toMatch(/crashed|closed|lost/);
    expect(session.info.restartReason ?? session.info.lastError?.message).toMatch(/\w/);
    const open = await box.executions.list({ sessionId: session.id, status: ["running", "queued"] });
    expect(open.items).toEqual([]);
    await expect(session.run("1")).rejects.toMatchObject({ code: "session_not_ready" });
    const { items } = await session.events();
    expect(items.filter(({ type }) => type === "system").length).toBeGreaterThan(0);
    await session.close();
    await expect.poll(async () => alive(Object.values(chain)), { timeout: 10_000 }).toEqual([]);
  });

  test("the agent stops: whoever asks is told in time, and closing frees everything", async () => {
    const { session, running, chain } = await busySession();
    process.kill(chain.agent, "SIGSTOP");
    const cancelled = await running.cancel().catch((error: unknown) => error);
    expect(cancelled).toBeDefined();
    await expect
      .poll(async () => (await running.wait()).execution.status, { timeout: 40_000 })
      .not.toMatch(/running|queued/);
    await session.close();
    await expect.poll(async () => alive(Object.values(chain)), { timeout: 10_000 }).toEqual([]);
  });

  test("the kernel, by SIGKILL: the execution ends, the session goes on with a new one", async () => {
    const { session, running, chain } = await busySession();
    process.kill(chain.kernel, "SIGKILL");
    const ended = (await running.wait()).execution;
    expect(ended.status).toBe("killed");
    expect((await session.run("6 * 7")).value?.json).toBe(42);
    const gone = await session.run("kept");
    expect(gone.exception?.name).toBe("NameError");
    await session.close();
  });

  test("nothing is left on the host", async () => {
    const rest = async () =>
      (await hostLeftovers(server.dataDir)).filter(
        (line) => !/ up --port|waiting-|launcher-|worker|supervisor|cgroup /.test(line),
      );
    await expect.poll(rest, { timeout: 10_000 }).toEqual([]);
  });
});

function alive(pids: readonly number[]): number[] {
  return pids.filter((pid) => {
    try {
      process.kill(pid, 0);
      return pid > 1;
    } catch {
      return false;
    }
  });
}
