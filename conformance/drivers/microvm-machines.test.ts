import { execFile } from "node:child_process";
import { chmod, chown, copyFile, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect, test, vi } from "vitest";
import { newId } from "../../packages/glovebox/src/core/index.ts";
import { defaultImagesDir, type Images, openImages } from "../../packages/glovebox/src/sandbox/images/index.ts";
import { writeLayout } from "../../packages/glovebox/src/sandbox/images/testing.ts";
import type { Sandbox, SandboxSpec } from "../../packages/glovebox/src/sandbox/index.ts";
import { MicrovmDriver } from "../../packages/glovebox/src/sandbox/microvm/index.ts";
import { defaultCacheDir } from "../../packages/glovebox/src/sandbox/microvm/options.ts";
import { decodeRecord } from "../../packages/glovebox/src/sandbox/microvm/record.ts";
import { tellQemu } from "../../packages/glovebox/src/sandbox/microvm/start-machine.ts";
import { defaultNativeDir } from "../../packages/glovebox/src/sandbox/native/index.ts";
import { parseStatus } from "../../packages/glovebox/src/sandbox/supervisor/index.ts";
import { useDriver } from "../escapes/stage.ts";
import { makeMicrovmSubject } from "./microvm-subject.ts";
import { LittleProxy } from "./network-host.ts";
import { LIMITS, makeSandbox, shell } from "./subject.ts";

/** What is microVMs' own, beside the suite for all drivers. */
/** Machines boot and compute a tenth as fast where there is no KVM, and much slower yet where others compute, too. */
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });
const run = promisify(execFile);
const ALL = process.env.GLOVEBOX_TESTS === "all";
/** Machines that are made and ended, to see what they leave. */
const CYCLES = Number(process.env.GLOVEBOX_TEST_MACHINES ?? (ALL ? 1_000 : 6));
const context = useDriver("microvm", makeMicrovmSubject);
const runDir = () => join(context().subject.baseDir, "run");

async function newSpec(more: Partial<SandboxSpec> = {}): Promise<SandboxSpec> {
  const workspaceDir = await mkdtemp(join(context().subject.baseDir, "ws-"));
  return { id: newId(), workspaceDir, limits: LIMITS, allowPartial: false, env: {}, languages: [], ...more };
}

test("a machine with a network reaches what it is given", async () => {
  await using network = new LittleProxy();
  await using sandbox = await makeSandbox(context(), { network });
  const line = "curl --silent --show-error --max-time 20 --proxy http://127.0.0.1:3128 http://example.test/";
  expect(await shell(sandbox, line)).toMatchObject({ stdout: "answer\n", code: 0 });
  expect(network.requests).toEqual(["GET http://example.test/"]);
});

test("a disk that is full in the middle of a snapshot is told, and the machine goes on", async ({ skip }) => {
  skip(process.getuid?.() !== 0, "only root may mount a small disk");
  const small = await mkdtemp(join(context().subject.baseDir, "small-"));
  await run("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", small]);
  try {
    await using sandbox = await makeSandbox(context());
    await shell(sandbox, "head -c 8m /dev/urandom > f");
    for (const kind of ["memory", "files"] as const) {
      const refused = sandbox.snapshot({ dir: join(small, kind), kind });
      await expect(refused).rejects.toMatchObject({ code: "resource_exhausted" });
      expect(await readdir(small)).toEqual([]);
    }
    expect((await shell(sandbox, "wc -c < f")).stdout).toBe(`${8 << 20}\n`);
  } finally {
    await run("umount", ["--lazy", small]);
  }
});

test("an image of other content is booted, and machines of it outlive it, but are made no more", async () => {
  const { baseDir } = context().subject;
  const images = openImages({ dir: join(baseDir, "images"), definitionsDir: join(baseDir, "no-definitions") });
  await importOther(images, join(baseDir, "other"));
  await using driver = new MicrovmDriver({ runDir: join(baseDir, "run"), waiting: 0, images });
  await using sandbox = await driver.create(await newSpec({ image: "other" }));
  expect((await shell(sandbox, "cat /etc/marker; ls /usr")).stdout).toBe("of another image\n");
  const dir = join(baseDir, "of-other");
  await sandbox.snapshot({ dir });
  await images.remove("other");
  expect((await shell(sandbox, "cat /etc/marker")).stdout).toBe("of another image\n");
  await expect(driver.create(await newSpec({ image: "other" }))).rejects.toMatchObject({ code: "not_found" });
  await expect(driver.restore(dir, await newSpec())).rejects.toMatchObject({ code: "not_found" });
  // The same content under its name again is the same image.
  await importOther(images, join(baseDir, "again"));
  await using restored = await driver.restore(dir, await newSpec());
  expect((await shell(restored, "cat /etc/marker")).stdout).toBe("of another image\n");
  await importOther(images, join(baseDir, "changed"), "changed");
  await expect(driver.restore(dir, await newSpec())).rejects.toMatchObject({ code: "snapshot_incompatible" });
});

test("a machine that stands still is found again standing still, one that a killed server stopped goes on", async () => {
  const { subject } = context();
  const paused = await makeSandbox(context());
  await paused.pause();
  await paused.detach();
  const stopped = await makeSandbox(context());
  await tellQemu(join(runDir(), stopped.id), "stop");
  await stopped.detach();
  await using next = subject.again();
  await using later = await next.attach(paused.record);
  const answer = shell(later, "echo on");
  expect(await Promise.race([answer.then(() => "answered"), new Promise((r) => setTimeout(r, 300, "silent"))])).toBe(
    "silent",
  );
  await later.resume();
  expect((await answer).stdout).toBe("on\n");
  await using other = await next.attach(stopped.record);
  expect((await shell(other, "echo on")).stdout).toBe("on\n");
});

test("a guest that has stopped answering is ended with its machine, and nothing is left", {
  timeout: 90_000,
}, async () => {
  const { subject } = context();
  const before = await subject.leftovers();
  const silent = await makeSandbox(context());
  await signalQemu(silent, "SIGSTOP");
  await silent.destroy();
  expect(await silent.ended).toEqual({ kind: "destroyed" });
  expect(await subject.leftovers()).toEqual(before);
  const gone = await makeSandbox(context());
  await signalQemu(gone, "SIGKILL");
  expect(await gone.ended).toMatchObject({ kind: expect.stringMatching(/signal|exit|protocol/) });
  await expect(shell(gone, "echo on")).rejects.toMatchObject({ code: "unavailable" });
  await gone.destroy();
  if (ALL) {
    const mute = await makeSandbox(context());
    await signalQemu(mute, "SIGSTOP");
    await mute.detach();
    await using next = subject.again();
    await expect(next.attach(mute.record)).rejects.toMatchObject({ code: "not_found" });
  }
  expect(await subject.leftovers()).toEqual(before);
});

// Boots from nothing, since its templates are nobody else's.
if (ALL) {
  test("an ordinary user gets machines, too, or is told why not", async ({ skip }) => {
    skip(process.getuid?.() !== 0, "only root can become somebody else; anybody else has run these tests as himself");
    const home = await mkdtemp(join(context().subject.baseDir, "nobody-"));
    await chmod(context().subject.baseDir, 0o755);
    await chown(home, 65_534, 65_534);
    const script = join(import.meta.dirname, "testdata/ordinary-user.ts");
    const as = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    const places = [home, defaultCacheDir(), defaultImagesDir(), defaultNativeDir()];
    const argv = [...as, process.execPath, "--conditions=development", script, ...places];
    const { stdout } = await run("setpriv", argv, { env: { PATH: process.env.PATH ?? "", HOME: home, TMPDIR: home } });
    const outcome = JSON.parse(stdout);
    if (outcome.code === undefined) expect(outcome.said).toBe("65534 is somebody else here: 1000\n");
    else expect(outcome).toEqual({ code: "isolation_unavailable", message: expect.stringMatching(/\w+ \w+ \w+/) });
  });
}

test("a machine says what its kernel counts: time of children, files that are deleted but open, and no more once they are closed", async () => {
  await using sandbox = await makeSandbox(context());
  const before = await sandbox.stats();
  expect(before.diskBytes).toBeLessThan(1 << 20);
  const held = "exec 3>held; head -c 3m /dev/zero >&3; rm held; echo ready; sleep 600";
  const program = await sandbox.spawn({ kind: "program", argv: ["/bin/sh", "-c", held], stdin: "null" });
  for await (const item of program.output()) if (item.kind === "output") break;
  const during = await sandbox.stats();
  expect(during.diskBytes - before.diskBytes).toBeGreaterThanOrEqual(3 << 20);
  expect(during.diskBytes - before.diskBytes).toBeLessThan(4 << 20);
  // The shell says that it is ready before it starts the other.
  await expect.poll(async () => (await sandbox.stats()).pids).toBeGreaterThanOrEqual(before.pids + 2);
  await program.signal("SIGKILL", "tree");
  await expect.poll(async () => (await sandbox.stats()).diskBytes, { timeout: 20_000 }).toBeLessThan(1 << 20);
  await shell(sandbox, "(i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done); true");
  expect((await sandbox.stats()).cpuMs - during.cpuMs).toBeGreaterThan(5);
});

test("the timer of an idle machine rests", async ({ skip }) => {
  await using sandbox = await makeSandbox(context());
  skip(decodeRecord(sandbox.record).shape.accelerator !== "tcg", "only emulated ones have a timer of their own");
  const line = "grep LOC: /proc/interrupts; sleep 2; grep LOC: /proc/interrupts";
  const counts = (await shell(sandbox, line)).stdout.match(/\d+/g)?.map(Number) ?? [];
  expect(counts).toHaveLength(2);
  // A timer that never rests rings 500 times meanwhile.
  expect((counts[1] ?? 0) - (counts[0] ?? 0)).toBeLessThan(250);
});

test(`${CYCLES} machines come and go without a trace`, { timeout: 120_000 + CYCLES * 6_000 }, async () => {
  const { subject } = context();
  await (await makeSandbox(context())).destroy();
  const before = await tracesOf(subject.leftovers);
  for (let round = 0; round < CYCLES / 2; round += 1) {
    const two = await Promise.all([makeSandbox(context()), makeSandbox(context())]);
    if (round % 5 === 0) expect((await shell(two[0], "echo on")).stdout).toBe("on\n");
    await Promise.all(two.map((one) => one[Symbol.asyncDispose]()));
  }
  expect(await tracesOf(subject.leftovers)).toEqual(before);
});

async function tracesOf(leftovers: () => Promise<readonly string[]>) {
  const mounts = (await readFile("/proc/self/mountinfo", "utf8")).split("\n").length;
  return { leftovers: await leftovers(), mounts, descriptors: (await readdir("/proc/self/fd")).length };
}

/** To QEMU itself and what is around it, as it happens to a machine whose host is unwell. */
async function signalQemu({ id }: Sandbox, signal: NodeJS.Signals): Promise<void> {
  const { started } = parseStatus(await readFile(join(runDir(), id, "status"), "utf8"));
  if (started === undefined) throw new Error("the machine has not started");
  const children = await readFile(`/proc/${started.pid}/task/${started.pid}/children`, "utf8");
  for (const pid of [...children.trim().split(" ").filter(Boolean).map(Number), started.pid]) process.kill(pid, signal);
}

/** An image that shares nothing with `base` but the host's shell and its libraries. */
async function importOther(images: Images, dir: string, marker = "of another image"): Promise<void> {
  const root = join(dir, "root");
  for (const program of ["/bin/sh", "/bin/cat", "/bin/ls"]) {
    const { stdout } = await run("ldd", [program]);
    for (const path of [program, ...(stdout.match(/\/\S+/g) ?? [])]) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await copyFile(await realpath(path), join(root, path));
    }
  }
  await mkdir(join(root, "etc"), { recursive: true });
  await mkdir(join(root, "usr"), { recursive: true });
  await writeFile(join(root, "etc/marker"), `${marker}\n`);
  const { stdout: layer } = await run("tar", ["--sort=name", "--mtime=@0", "-C", root, "-cf", "-", "."], {
    encoding: "buffer",
    maxBuffer: 256 << 20,
  });
  writeLayout(join(dir, "layout"), { layers: [layer] });
  await images.importFrom(join(dir, "layout"), { name: "other", replace: true });
  await rm(dir, { recursive: true });
}
