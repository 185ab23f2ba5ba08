import { mkdtemp, readdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test, vi } from "vitest";
import { newId } from "../../packages/glovebox/src/core/index.ts";
import type { Sandbox, SandboxSpec } from "../../packages/glovebox/src/sandbox/index.ts";
import { decodeRecord } from "../../packages/glovebox/src/sandbox/microvm/record.ts";
import { parseStatus } from "../../packages/glovebox/src/sandbox/supervisor/index.ts";
import { useDriver } from "../escapes/stage.ts";
import { makeMicrovmSubject } from "./microvm-subject.ts";
import { LIMITS, makeSandbox, type SuiteContext, shell } from "./subject.ts";

/** The two ways by which machines are copied, beside the suite for all drivers. */
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });
const byProcess = useDriver("microvm", makeMicrovmSubject);
const byFiles = useDriver("microvm", () => makeMicrovmSubject({ copies: "files" }));

/** Forks of one running machine, so many at a time, to see what they leave. */
const FORKS = Number(process.env.GLOVEBOX_TEST_FORKS ?? (process.env.GLOVEBOX_TESTS === "all" ? 1_000 : 10));
const AT_ONCE = 10;

async function newSpec({ subject }: SuiteContext): Promise<SandboxSpec> {
  const workspaceDir = await mkdtemp(join(subject.baseDir, "ws-"));
  return { id: newId(), workspaceDir, limits: LIMITS, allowPartial: false, env: {}, languages: [] };
}

async function forkOf(sandbox: Sandbox, context: SuiteContext) {
  const { sandboxes, path } = await sandbox.fork([await newSpec(context)]);
  const [made] = sandboxes;
  if (!made) throw new Error("a fork brought nothing");
  return { made, path };
}

/** Filters of system calls around a machine's QEMU (its own and ours), and whether processes of its uid are kept from looking into it. */
async function wallsOf({ subject }: SuiteContext, id: string): Promise<{ filters: number; hidden: boolean }> {
  const { started } = parseStatus(await readFile(join(subject.baseDir, "run", id, "status"), "utf8"));
  const status = await readFile(`/proc/${started?.pid}/status`, "utf8");
  const filters = Number(/^Seccomp_filters:\s+(\d+)/m.exec(status)?.[1]);
  // What may not be looked into belongs to root, whatever the uid of its process.
  const { uid } = await stat(`/proc/${started?.pid}/environ`);
  return { filters, hidden: uid === 0 };
}

test("a copy of a process, a copy of that, and one of that have each a disk of their own, and outlive those they came from", async ({
  skip,
}) => {
  const context = byProcess();
  const first = await makeSandbox(context);
  skip(decodeRecord(first.record).copy === undefined, "under KVM no process is copied");
  await shell(first, "echo first > f; sync");
  const { made: second, path } = await forkOf(first, context);
  expect([path, decodeRecord(second.record).copy]).toEqual(["shared", decodeRecord(first.record).copy]);
  await shell(second, "echo second >> f; sync");
  const { made: third } = await forkOf(second, context);
  await shell(third, "echo third >> f; sync");
  for (const { id } of [first, second, third]) expect(await wallsOf(context, id)).toEqual({ filters: 2, hidden: true });
  await shell(first, "echo still first >> f; sync");
  expect((await shell(first, "cat f")).stdout).toBe("first\nstill first\n");
  await first.destroy();
  expect((await shell(second, "cat f")).stdout).toBe("first\nsecond\n");
  await second.destroy();
  expect((await shell(third, "cat f; echo 1 > g; cat g")).stdout).toBe("first\nsecond\nthird\n1\n");
  await third.destroy();
  expect(await third.ended).toEqual({ kind: "destroyed" });
  expect(await context.subject.leftovers()).toEqual([]);
});

test(`${FORKS} forks of one machine come and go without a trace`, { timeout: 120_000 + FORKS * 3_000 }, async () => {
  const context = byProcess();
  const traces = async () => ({
    leftovers: await context.subject.leftovers(),
    mounts: (await readFile("/proc/self/mountinfo", "utf8")).split("\n").length,
    descriptors: (await readdir("/proc/self/fd")).length,
  });
  await (await makeSandbox(context)).destroy();
  const before = await traces();
  const parent = await makeSandbox(context);
  await shell(parent, "echo 1 > f");
  for (let left = FORKS; left > 0; left -= AT_ONCE) {
    const specs = await Promise.all(Array.from({ length: Math.min(left, AT_ONCE) }, () => newSpec(context)));
    const { sandboxes } = await parent.fork(specs);
    const [one] = sandboxes;
    expect(sandboxes).toHaveLength(specs.length);
    expect(one && (await shell(one, "cat f")).stdout).toBe("1\n");
    await Promise.all(sandboxes.map((made) => made.destroy()));
  }
  expect((await shell(parent, "cat f")).stdout).toBe("1\n");
  await parent.destroy();
  expect(await traces()).toEqual(before);
});

test("when the process that stands ready is killed its copies end and say so, the next machine is made all the same, and nothing is left", async ({
  skip,
}) => {
  const context = byProcess();
  const lost = await makeSandbox(context);
  const { copy } = decodeRecord(lost.record);
  if (!copy) return skip("under KVM no process is copied");
  const { started } = parseStatus(await readFile(join(dirname(copy.io), "status"), "utf8"));
  if (!started) throw new Error("the process has not started");
  process.kill(started.pid, "SIGKILL");
  expect(await lost.ended).toEqual({ kind: "signal", signal: "SIGKILL" });
  await lost.destroy();
  const next = await makeSandbox(context);
  expect((await shell(next, "echo here")).stdout).toBe("here\n");
  await next.destroy();
  expect(await context.subject.leftovers()).toEqual([]);
});

test("machines that are to come from files do, and so do their forks", async () => {
  const context = byFiles();
  await using plain = await makeSandbox(context);
  await using forkable = await makeSandbox(context, { forkable: true });
  for (const [sandbox, way] of [
    [plain, "copied"],
    [forkable, "shared"],
  ] as const) {
    await shell(sandbox, "echo parent > f");
    const { made, path } = await forkOf(sandbox, context);
    await using fork = made;
    expect([path, decodeRecord(fork.record).copy]).toEqual([way, undefined]);
    expect((await shell(fork, "cat f")).stdout).toBe("parent\n");
  }
});
