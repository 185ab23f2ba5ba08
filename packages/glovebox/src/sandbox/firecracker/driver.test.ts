import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chmod, mkdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { newId } from "../../core/index.ts";
import { finish } from "../agent/process-fixture.ts";
import type { Sandbox, SandboxSpec } from "../driver.ts";
import type { FirecrackerDriver } from "./driver.ts";
import { FirecrackerDriver as RealDriver } from "./index.ts";
import { jailRoot } from "./jail-paths.ts";
import { type StandInHost, standInHost } from "./testdata/stand-in-host.ts";

let host: StandInHost;
let driver: FirecrackerDriver;

beforeEach(async ({ skip }) => {
  skip(process.getuid?.() !== 0, "the jailer is started by root");
  host = await standInHost();
  driver = host.open();
});
afterEach(async () => {
  if (process.getuid?.() !== 0) return;
  await driver.sweep(new Set());
  await driver[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

async function spec(more: Partial<SandboxSpec> = {}): Promise<SandboxSpec> {
  const id = newId();
  const workspaceDir = join(host.folder, `workspace-${id}`);
  await mkdir(workspaceDir);
  const limits = { cpus: 1, memoryMb: 256, pids: 64, openFiles: 256, diskMb: 16 };
  return { id, workspaceDir, limits, allowPartial: true, env: { GREETING: "hello" }, languages: [], ...more };
}

async function say(sandbox: Sandbox, script: string): Promise<string> {
  const program = await sandbox.spawn({ kind: "program", argv: ["/bin/sh", "-c", script], stdin: "null" });
  return (await finish(program)).stdout.trim();
}

async function asked(id: string): Promise<string[]> {
  const requests = await host.requests();
  return requests
    .filter((request) => request.id === id && request.path !== "/")
    .map(({ method, path }) => `${method} ${path}`);
}

/** Nothing of a sandbox may stay on the host: no folder, no mount, no process of its uid. */
function expectNothingLeft(sandbox: Sandbox): void {
  expect(readdirSync(host.runDir)).not.toContain(sandbox.id);
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(sandbox.id);
  const uid = String(sandbox.record.data.uid);
  const theirs = readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && uidOf(pid) === uid);
  expect(theirs).toEqual([]);
}

function uidOf(pid: string): string | undefined {
  try {
    return /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  } catch {
    return undefined;
  }
}

const hostName = (sandbox: Sandbox) => `glovebox-${sandbox.id.slice(-12)}`;
const BOOT = [
  "PUT /logger",
  "PUT /machine-config",
  "PUT /boot-source",
  "PUT /drives/root",
  "PUT /drives/tools",
  "PUT /drives/workspace",
  "PUT /vsock",
  "PUT /entropy",
  "PUT /actions",
];
const SAVE = ["PATCH /vm", "PUT /snapshot/create", "PATCH /vm"];

describe("against what stands in for Firecracker", { retry: 0 }, () => {
  test("a machine is made, works, is saved, copied, stopped and ended, in the order that Firecracker asks for", async () => {
    const first = await spec();
    await writeFile(join(first.workspaceDir, "before"), "from the host");
    const parent = await driver.create(first);
    expect(await asked(parent.id)).toEqual(BOOT);
    expect(await say(parent, "cat before; echo; echo $GREETING; cat /run/glovebox/hostname")).toBe(
      `from the host\nhello\n${hostName(parent)}`,
    );
    await parent.files.write("/workspace/x", Buffer.from("1"));
    // A program of the parent's goes on through being saved, and so does the conversation with it.
    const waiting = await parent.spawn({ kind: "program", argv: ["/bin/sh", "-c", "read line; echo got $line"] });

    const dir = join(host.folder, "snapshot");
    const manifest = await parent.snapshot({ dir });
    expect(Object.keys(manifest.files).sort()).toEqual(["memory", "state", "workspace"]);
    await expect(parent.snapshot({ dir })).rejects.toMatchObject({ code: "already_exists" });
    expect(await asked(parent.id)).toEqual([...BOOT, ...SAVE]);
    await parent.files.write("/workspace/x", Buffer.from("2"));

    await parent.pause();
    await parent.pause();
    await expect(parent.pause({ release: true })).rejects.toMatchObject({ code: "not_supported_by_isolation" });
    const specs = await Promise.all([spec(), spec()]);
    const { sandboxes, path, silentMs } = await parent.fork(specs);
    expect(path).toBe("shared");
    expect(silentMs).toBeGreaterThan(0);
    const answer = waiting.write(Buffer.from("line\n"));
    await parent.resume();
    await answer;
    expect((await finish(waiting)).stdout).toBe("got line\n");
    expect(await asked(parent.id)).toEqual([
      ...BOOT,
      ...SAVE,
      "PATCH /vm",
      "PATCH /vm",
      ...SAVE,
      "PATCH /vm",
      "PATCH /vm",
    ]);

    const restored = await driver.restore(dir, await spec());
    expect(await asked(restored.id)).toEqual(["PUT /logger", "PUT /snapshot/load"]);
    for (const [sandbox, x] of [
      [parent, "2"],
      [sandboxes[0], "2"],
      [sandboxes[1], "2"],
      [restored, "1"],
    ] as const) {
      expect(await say(sandbox as Sandbox, "cat x /run/glovebox/hostname")).toBe(`${x}${hostName(sandbox as Sandbox)}`);
    }
    // The copies map one file: it is the same one in both jails, read-only to them.
    const memories = await Promise.all(sandboxes.map((sandbox) => stat(join(jailOf(sandbox), "memory"))));
    expect(new Set(memories.map(({ ino }) => ino)).size).toBe(1);
    expect(memories[0]).toMatchObject({ uid: 0, nlink: 2 });
    expect((memories[0]?.mode ?? 0) & 0o222).toBe(0);

    const all = [parent, ...sandboxes, restored];
    await Promise.all(all.map((sandbox) => sandbox.destroy()));
    for (const sandbox of all) expectNothingLeft(sandbox);
    expect(readFileSync(join(first.workspaceDir, "x"), "utf8")).toBe("2");
    expect((await host.requests()).filter(({ status }) => status >= 300)).toEqual([]);

    host.compatibility.processor = "another";
    await expect(driver.restore(dir, await spec())).rejects.toMatchObject({
      code: "snapshot_incompatible",
      details: { differing: ["processor"] },
    });
    await chmod(join(dir, "memory"), 0o600);
    await writeFile(join(dir, "memory"), "x", { flag: "a" });
    await expect(driver.restore(dir, await spec())).rejects.toMatchObject({ code: "snapshot_corrupt" });
  });

  test("a machine outlives its server, is found again, also standing still, and swept when nobody knows it", async () => {
    const sandbox = await driver.create(await spec());
    await sandbox.files.write("/workspace/x", Buffer.from("kept"));
    await sandbox.pause();
    await sandbox.detach();
    await driver[Symbol.asyncDispose]();
    driver = host.open();
    expect(await driver.sweep(new Set([sandbox.id]))).toEqual({ removed: [] });
    const again = await driver.attach(sandbox.record);
    const files = join(host.folder, "files");
    expect(Object.keys((await again.snapshot({ dir: files, kind: "files" })).files)).toEqual(["workspace.tar"]);
    await again.resume();
    expect(await say(again, "cat x")).toBe("kept");
    await using restored = await driver.restore(files, await spec());
    expect(await say(restored, "cat x")).toBe("kept");
    await expect(driver.attach(sandbox.record)).rejects.toMatchObject({ code: "conflict" });
    await again.detach();
    const { removed } = await driver.sweep(new Set());
    expect(removed).not.toContainEqual(expect.stringContaining(restored.id));
    expect(removed).toContainEqual(expect.stringContaining(sandbox.id));
    expectNothingLeft(sandbox);
    await expect(driver.attach(sandbox.record)).rejects.toMatchObject({ code: "not_found" });
  });

  test("a snapshot that finds no room, or links in the jail, is refused, and the machine goes on; killed, it says so", async () => {
    const sandbox = await driver.create(await spec());
    await sandbox.files.write("/workspace/disk-is-full", Buffer.from(""));
    const dir = join(host.folder, "no-room");
    await expect(sandbox.snapshot({ dir })).rejects.toMatchObject({ code: "resource_exhausted" });
    expect(existsSync(dir)).toBe(false);
    expect(readdirSync(jailOf(sandbox))).not.toContain("saved-memory");
    await expect(sandbox.fork([await spec()])).rejects.toMatchObject({ code: "resource_exhausted" });
    expect(await say(sandbox, "echo still here")).toBe("still here");
    await sandbox.files.remove("/workspace/disk-is-full");

    // Taken over, it leads the server nowhere.
    const jail = jailOf(sandbox);
    await rename(join(jail, "workspace"), join(jail, "moved"));
    await symlink("/etc/passwd", join(jail, "workspace"));
    await expect(sandbox.snapshot({ dir })).rejects.toMatchObject({ code: "internal" });
    expect(existsSync(dir)).toBe(false);
    expect(await say(sandbox, "echo unharmed")).toBe("unharmed");
    await rename(join(jail, "api.sock"), join(jail, "moved.sock"));
    await symlink("moved.sock", join(jail, "api.sock"));
    await expect(sandbox.pause()).rejects.toMatchObject({ code: "unavailable" });

    // The supervisor has followed from the jailer, which left, to this.
    process.kill(Number(readFileSync(join(jail, "firecracker.pid"), "utf8")), "SIGKILL");
    expect(await sandbox.ended).toEqual({ kind: "signal", signal: "SIGKILL" });
    await expect(sandbox.stats()).rejects.toMatchObject({ code: "unavailable" });
    await sandbox.destroy();
    expectNothingLeft(sandbox);
  });

  test("what does not start says why, and leaves nothing", async () => {
    const wanted = await spec({ id: newId() });
    await rm(join(host.folder, "kernel"));
    await expect(driver.create(wanted)).rejects.toThrow(/kernel/);
    await writeFile(join(host.folder, "jailer"), "#!/bin/sh\necho no KVM here >&2\nexit 1\n", { mode: 0o755 });
    await writeFile(join(host.folder, "kernel"), "kernel");
    await expect(driver.create(wanted)).rejects.toMatchObject({
      code: "isolation_unavailable",
      message: expect.stringContaining("no KVM here"),
    });
    const signal = AbortSignal.abort();
    await expect(driver.create(wanted, signal)).rejects.toThrow(/abort/i);
    await expect(driver.create(await spec({ languages: ["rust"] }))).rejects.toMatchObject({
      code: "language_unavailable",
    });
    expect(readdirSync(host.runDir)).toEqual([]);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(host.folder);
  });
});

test("doctor is told all that is missing where Firecracker cannot run", async () => {
  await using real = new RealDriver({ runDir: join(host.folder, "real") });
  const probed = await real.probe(AbortSignal.timeout(50_000));
  if (probed.available) return expect(probed).toMatchObject({ kvm: true, startMs: expect.any(Number) });
  expect(probed.reason).toMatch(/Firecracker|jailer|KVM|kvm|machines/);
});

function jailOf(sandbox: Sandbox): string {
  return jailRoot(join(host.runDir, sandbox.id), "firecracker", sandbox.id);
}
