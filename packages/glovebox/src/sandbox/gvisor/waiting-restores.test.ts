import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import os, { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { newId, silentLogger } from "../../core/index.ts";
import type { Sandbox, SandboxSpec } from "../driver.ts";
import { parseStatus, STATUS_NAME } from "../supervisor/index.ts";
import { GvisorDriver } from "./index.ts";
import { decodeRecord } from "./record.ts";
import type { RestoreShape } from "./restore-shape.ts";
import { WaitingRestores } from "./waiting-restores.ts";

let dir: string;
let missing = "";

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "glovebox-gvisor-waiting-"));
  await using driver = new GvisorDriver({ runDir: join(dir, "probe"), waiting: 0 });
  const probed = await driver.probe();
  if (!probed.available) missing = probed.reason;
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function spec(more: Partial<SandboxSpec> = {}): SandboxSpec {
  const id = newId();
  const workspaceDir = join(dir, `ws-${id}`);
  mkdirSync(workspaceDir);
  const limits = { cpus: 1, memoryMb: 256, pids: 64, openFiles: 256, diskMb: 64 };
  return { id, workspaceDir, limits, allowPartial: false, env: {}, languages: [], ...more };
}

/** A driver with a run folder of its own, a sandbox that counts in its memory, and a snapshot of it; a restore waits. */
async function onStage(): Promise<AsyncDisposable & { driver: GvisorDriver; runDir: string; snapshot: string }> {
  const name = newId();
  const runDir = join(dir, `run-${name}`);
  const driver = new GvisorDriver({ runDir, waiting: 0 });
  const snapshot = join(dir, `snapshot-${name}`);
  await using parent = await driver.create(spec({ env: { KEPT: "yes" } }));
  const code = "import sys\nx = 0\nfor line in sys.stdin:\n  x += int(line)\n  print(x, flush=True)";
  const process = await parent.spawn({ kind: "program", argv: ["/usr/bin/python3", "-c", code] });
  expect(await ask(process, "40")).toBe("40");
  expect(await shell(parent, "mkdir -m 750 d; echo then > d/f; ln -s d/f link; chmod 711 .; touch -d @1 .")).toBe("");
  await parent.snapshot({ dir: snapshot });
  await driver.settled();
  return { driver, runDir, snapshot, [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose]() };
}

/** Run folders of restores that wait: `workspace` in them is what becomes one. */
const waitingIn = (runDir: string) =>
  readdirSync(runDir)
    .map((name) => join(runDir, name))
    .filter((folder) => existsSync(join(folder, "workspace")));
const supervisorOf = (folder: string) => parseStatus(readFileSync(join(folder, STATUS_NAME), "utf8")).supervisor?.pid;
const pidOf = (sandbox: Sandbox) => decodeRecord(sandbox.record).supervisor.pid;

async function ask(process: Sandbox["attached"][number] | undefined, line: string): Promise<string> {
  if (!process) throw new Error("the program is gone");
  const { promise, resolve } = Promise.withResolvers<string>();
  const output = process.output()[Symbol.asyncIterator]();
  void (async () => {
    for (let item = (await output.next()).value; item; item = (await output.next()).value) {
      if (item.kind !== "output") return resolve(item.kind);
      process.ack(item.stream, item.offset + item.data.length);
      if (item.stream === "stdout") return resolve(Buffer.from(item.data).toString().trim());
    }
  })();
  await process.write(Buffer.from(`${line}\n`));
  return promise;
}

async function shell(sandbox: Sandbox, line: string): Promise<string> {
  const process = await sandbox.spawn({ kind: "program", argv: ["/bin/sh", "-c", line], stdin: "null" });
  let text = "";
  for await (const item of process.output()) if (item.kind === "output") text += Buffer.from(item.data).toString();
  process.release();
  return text.trimEnd();
}

const LOOK =
  "cat link; stat -c '%a %u' d .; stat -c %Y .; echo $KEPT; id -u; pwd; ls -A; nproc; df -B1 --output=size /tmp | tail -1; ulimit -n";
/** What the host's kernel holds it to. */
const heldTo = (sandbox: Sandbox) =>
  decodeRecord(sandbox.record).cgroups.flatMap(({ dir }) =>
    ["memory.limit_in_bytes", "memory.max", "pids.max", "cpu.cfs_quota_us", "cpu.max"]
      .filter((name) => existsSync(join(dir, name)))
      .map((name) => `${name} ${readFileSync(join(dir, name), "utf8").trim()}`),
  );

/** What is kept in readiness, without sandboxes: each is the shape's number of processes. */
describe("restores in readiness", () => {
  const shape = (pids: number) => ({ limits: { ...spec().limits, pids }, network: false, outlive: true });
  const stage = (most: number) => {
    const begun: number[] = [];
    const ended: number[] = [];
    const begin = async ({ limits }: RestoreShape) => {
      begun.push(limits.pids);
      return {
        of: limits.pids,
        alive: true,
        ready: async () => true,
        discard: async () => void ended.push(limits.pids),
      };
    };
    return { begun, ended, restores: new WaitingRestores({ most, begin, logger: silentLogger }) };
  };

  test("are as many of each shape as asked for, of the two shapes that were wanted last", async () => {
    const { begun, ended, restores } = stage(2);
    for (const pids of [1, 2, 1, 3]) restores.want(async () => shape(pids));
    restores.want(async () => undefined);
    await restores.settled();
    expect([begun.sort(), ended]).toEqual([[1, 1, 3, 3], []]);
    expect([restores.take(shape(2)), restores.take(shape(3))?.of]).toEqual([undefined, 3]);
    await restores.settled();
    expect([begun.sort(), ended]).toEqual([
      [1, 1, 2, 2, 3, 3, 3],
      [1, 1],
    ]);
    await restores[Symbol.asyncDispose]();
    expect(ended.sort()).toEqual([1, 1, 2, 2, 3, 3]);
    restores.want(async () => shape(4));
    await restores.settled();
    expect(begun).not.toContain(4);
  });

  test("are not begun while a sandbox starts, nor while memory is short, and end unused", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const free = vi.spyOn(os, "freemem");
    try {
      const { begun, ended, restores } = stage(1);
      await restores.during(async () => {
        restores.want(async () => shape(1));
        await restores.settled();
        await vi.advanceTimersByTimeAsync(1_000);
        expect(begun).toEqual([]);
      });
      free.mockReturnValue(1);
      await vi.advanceTimersByTimeAsync(1_000);
      expect(begun).toEqual([]);
      free.mockRestore();
      await restores.settled();
      expect(begun).toEqual([1]);
      await vi.advanceTimersByTimeAsync(4 * 60_000);
      restores.want(async () => shape(1));
      await vi.advanceTimersByTimeAsync(4 * 60_000);
      expect(ended).toEqual([]);
      await vi.advanceTimersByTimeAsync(61_000);
      expect(ended).toEqual([1]);
    } finally {
      free.mockRestore();
      vi.useRealTimers();
    }
  });
});

describe("a restore that waits", { timeout: 60_000 }, () => {
  beforeEach(({ skip }) => skip(missing !== "", `isolation gvisor: ${missing}`));

  test("becomes a sandbox like any other", async () => {
    await using stage = await onStage();
    const { driver, runDir, snapshot } = stage;
    const [waiting = ""] = waitingIn(runDir);
    const supervisor = supervisorOf(waiting);
    await using plain = new GvisorDriver({ runDir: `${runDir}-plain`, waiting: 0, waitingRestores: 0 });
    await using other = await plain.restore(snapshot, spec());
    await plain.settled();
    expect(waitingIn(`${runDir}-plain`)).toEqual([]);
    // What another driver's sweep of the same folders would end, this one's does not.
    expect((await driver.sweep(new Set())).removed).toEqual([]);

    const asked = spec();
    await using copy = await driver.restore(snapshot, asked);
    expect(pidOf(copy)).toBe(supervisor);
    expect(existsSync(waiting)).toBe(false);
    expect(await Promise.all([copy, other].map((each) => ask(each.attached[0], "2")))).toEqual(["42", "42"]);
    expect(await shell(copy, LOOK)).toBe(await shell(other, LOOK));
    expect([copy.limitsApplied.length, heldTo(copy)]).toEqual([other.limitsApplied.length, heldTo(other)]);
    const identity = "hostname; cat /etc/hostname; head -c 16 /dev/urandom | od -An -tx1";
    const [own, others] = [await shell(copy, identity), await shell(other, identity)].map((text) => text.split("\n"));
    expect([own?.[0], own?.[1]]).toEqual(Array(2).fill(`glovebox-${copy.id.slice(-12)}`));
    expect(others?.filter((line) => own?.includes(line))).toEqual([]);
    expect(await shell(copy, "ls -d /bundle /exchange /state 2>/dev/null")).toBe("");
    expect(await shell(copy, "echo seen > new; chmod 600 new; cat new")).toBe("seen");
    expect(readFileSync(join(asked.workspaceDir, "new"), "utf8")).toBe("seen\n");
    const [, code] = decodeRecord(copy.record).uids;
    expect(["new", ".", "d"].map((name) => statSync(join(asked.workspaceDir, name)).uid)).toEqual([code, code, code]);

    // Its runsc is started again from a checkpoint, without a gate; and the next server finds it.
    await copy.snapshot({ dir: `${snapshot}-again` });
    expect(await ask(copy.attached[0], "1")).toBe("43");
    await copy.detach();
    await using attached = await driver.attach(copy.record);
    expect(await ask(attached.attached[0], "1")).toBe("44");
  });

  test("is not used when it is of another kind, died, or cannot be what is asked for", async () => {
    await using stage = await onStage();
    const { driver, runDir, snapshot } = stage;
    const [first = ""] = waitingIn(runDir);
    const supervisor = supervisorOf(first);
    {
      await using other = await driver.restore(snapshot, spec({ outliveServer: false }));
      expect(pidOf(other)).not.toBe(supervisor);
      expect(waitingIn(runDir)).toContain(first);
    }
    const full = spec();
    writeFileSync(join(full.workspaceDir, "theirs"), "");
    await expect(driver.restore(snapshot, full)).rejects.toMatchObject({ code: "already_exists" });
    expect(readdirSync(full.workspaceDir)).toEqual(["theirs"]);

    await driver.settled();
    const broken = waitingIn(runDir);
    expect(broken.length).toBeGreaterThan(0);
    const pids = broken.map(supervisorOf);
    for (const folder of broken) {
      rmSync(join(folder, "exchange"), { recursive: true });
      writeFileSync(join(folder, "exchange"), "");
    }
    {
      await using sandbox = await driver.restore(snapshot, spec());
      expect(pids).not.toContain(pidOf(sandbox));
      expect(await ask(sandbox.attached[0], "1")).toBe("41");
      expect(await shell(sandbox, "cat link")).toBe("then");
    }

    await driver.settled();
    const dying = waitingIn(runDir).map((folder) => supervisorOf(folder) ?? 0);
    expect(dying.length).toBeGreaterThan(0);
    for (const pid of dying) process.kill(pid, "SIGKILL");
    await expect.poll(() => dying.filter((pid) => existsSync(`/proc/${pid}/exe`))).toEqual([]);
    await using sandbox = await driver.restore(snapshot, spec());
    expect(dying).not.toContain(pidOf(sandbox));
    expect(await ask(sandbox.attached[0], "1")).toBe("41");
  });

  test("goes with its driver, and when its server is killed", async () => {
    const stage = await onStage();
    expect(waitingIn(stage.runDir)).toHaveLength(1);
    await stage[Symbol.asyncDispose]();
    expect(readdirSync(stage.runDir)).toEqual([]);
    expect(processesNaming(stage.runDir)).toEqual([]);

    const runDir = join(dir, "run-killed");
    const workspaceDir = join(dir, "ws-killed");
    mkdirSync(workspaceDir);
    const module = pathToFileURL(join(import.meta.dirname, "index.ts")).href;
    const { limits } = spec();
    const asked = {
      id: newId(),
      workspaceDir,
      limits,
      allowPartial: false,
      env: {},
      languages: [],
    };
    const code = `const { GvisorDriver } = await import(${JSON.stringify(module)});
      const driver = new GvisorDriver({ runDir: ${JSON.stringify(runDir)}, waiting: 0 });
      const sandbox = await driver.create(${JSON.stringify(asked)});
      await sandbox.snapshot({ dir: ${JSON.stringify(join(dir, "snapshot-killed"))} });
      await sandbox.destroy();
      await driver.settled();
      console.log("waits");
      setInterval(() => {}, 1000);`;
    const server = spawn(process.execPath, ["--input-type=module", "-e", code], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const [said] = await once(createInterface(server.stdout), "line");
      expect(said).toBe("waits");
      expect(waitingIn(runDir)).toHaveLength(1);
      expect(processesNaming(runDir)).not.toEqual([]);
    } finally {
      server.kill("SIGKILL");
    }
    await expect.poll(() => processesNaming(runDir), { timeout: 10_000 }).toEqual([]);
    await using next = new GvisorDriver({ runDir, waiting: 0 });
    expect((await next.sweep(new Set())).removed).not.toEqual([]);
    expect(readdirSync(runDir)).toEqual([]);
  });
});

/** Commands of processes that work in the run folder or its cgroups. */
function processesNaming(runDir: string): string[] {
  const lines = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" }).split("\n");
  const uids = readdirSync(runDir).flatMap((name) => {
    const path = join(runDir, name, "uids.json");
    return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as number[]) : [];
  });
  const theirs = execFileSync("ps", ["-eo", "uid=,args="], { encoding: "utf8" }).split("\n");
  return [
    ...lines.filter((line) => line.includes(runDir) && !line.includes("--input-type")),
    ...theirs.filter((line) => uids.includes(Number.parseInt(line, 10))),
  ];
}
