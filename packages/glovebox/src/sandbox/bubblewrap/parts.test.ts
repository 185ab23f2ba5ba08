import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEFAULT_LIMITS, isGloveboxError, newId } from "../../core/index.ts";
import { SandboxCgroup } from "../cgroup/index.ts";
import { defaultNativeDir } from "../native/index.ts";
import { nextEpoch } from "./epoch.ts";
import { handOver } from "./hand-over.ts";
import { INSIDE } from "./inside.ts";
import { planLimits } from "./limit-plan.ts";
import { offeredLanguages } from "./offered-languages.ts";
import { areCgroups, decodeRecord, encodeRecord } from "./record.ts";
import { prepareRootImage } from "./root-image.ts";
import { explainEnd } from "./sandbox-end.ts";
import { UidRange } from "./uid-range.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "glovebox-parts-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const { cpus, memoryMb, pids, openFiles, diskMb } = DEFAULT_LIMITS;
const LIMITS = { cpus, memoryMb, pids, openFiles, diskMb };
const noCgroup = () =>
  SandboxCgroup.create({ parents: [], missing: { memory: "no memory", cpu: "no cpu", pids: "no pids" } }, "none");

describe("limits without cgroups", () => {
  test("are held by other means, each named with its reason", () => {
    const plan = planLimits({ ...LIMITS, memoryMb: 160, cpus: 1 }, noCgroup(), undefined, false);
    const by = Object.fromEntries(plan.applied.map((limit) => [limit.limit, limit.mechanism]));
    expect(by).toMatchObject({ memoryMb: "watchdog", pids: "rlimit", openFiles: "rlimit", diskMb: "watchdog" });
    expect(plan.applied.find((limit) => limit.limit === "memoryMb")?.reason).toContain("no memory");
    // Processes and memory-backed files together stay within what was asked.
    expect((plan.watch.memoryBytes ?? 0) + plan.tmpBytes + plan.shmBytes).toBe(160 << 20);
    expect(plan.nproc).toBe(LIMITS.pids + 1);
  });

  test("that cannot be held refuse the sandbox by name, unless less is accepted", () => {
    const half = { ...LIMITS, cpus: 0.5 };
    try {
      planLimits(half, noCgroup(), undefined, false);
      expect.unreachable();
    } catch (error) {
      expect(isGloveboxError(error, "limits_unenforceable") && error.details).toEqual({ limits: ["cpus"] });
    }
    const plan = planLimits(half, noCgroup(), undefined, true);
    expect(plan.applied.find((limit) => limit.limit === "cpus")).toMatchObject({ applied: null, mechanism: "none" });
    expect(plan.cpuCount).toBe(1);
  });

  test("say of the network what it is", () => {
    const of = (network?: "proxy") =>
      planLimits({ ...LIMITS, cpus: 1 }, noCgroup(), undefined, true, network).applied.find(
        ({ limit }) => limit === "network",
      );
    expect(of()).toEqual({ limit: "network", requested: "none", applied: "none", mechanism: "namespace" });
    expect(of("proxy")).toEqual({ limit: "network", requested: "proxy", applied: "proxy", mechanism: "namespace" });
  });

  test("ask nothing of a host that has no more CPUs than that", () => {
    const plan = planLimits({ ...LIMITS, cpus: availableParallelism() + 1 }, noCgroup(), 5, false);
    expect(plan.applied.find((limit) => limit.limit === "cpus")).toMatchObject({ mechanism: "host" });
    expect(plan.applied.find((limit) => limit.limit === "uid")).toMatchObject({ applied: 5, mechanism: "host" });
  });
});

describe("uids", () => {
  test("are one each, given again only after they were given back", () => {
    const range = new UidRange(5_000_000);
    range.reserve(5_000_001);
    expect([range.take(), range.take(), range.take()]).toEqual([5_000_000, 5_000_002, 5_000_003]);
    range.release(5_000_002);
    for (let i = 0; i < 65_533; i += 1) range.take();
    expect(() => range.take()).toThrow(/in use/);
  });

  test("differ between run folders, and are the same for the same one", () => {
    expect(UidRange.forRunDir("/a").base).toBe(UidRange.forRunDir("/a/").base);
    expect(UidRange.forRunDir("/a").base).not.toBe(UidRange.forRunDir("/b").base);
    expect(UidRange.forRunDir("/a").base).toBeGreaterThanOrEqual(2_000_000);
  });

  test.skipIf(process.getuid?.() !== 0)(
    "get a workspace with all in it, but nothing that its links point to",
    async () => {
      const outside = join(dir, "outside");
      const workspace = join(dir, "given");
      mkdirSync(join(workspace, "a", "b"), { recursive: true });
      writeFileSync(outside, "");
      writeFileSync(join(workspace, "a", "b", "c"), "");
      symlinkSync(outside, join(workspace, "a", "link"));
      chownSync(workspace, 5, 5);
      await handOver(workspace, 7, defaultNativeDir());
      for (const path of ["", "a", "a/b", "a/b/c", "a/link"])
        expect(lstatSync(join(workspace, path)).uid, path).toBe(7);
      expect(lstatSync(outside).uid).toBe(0);
    },
  );
});

test("the root image has what programs need and nothing that tells about the host", async () => {
  const image = await prepareRootImage(dir);
  expect((await prepareRootImage(dir)).dir).toBe(image.dir);
  const passwd = readFileSync(join(image.dir, "etc/passwd"), "utf8");
  expect(passwd.split("\n").filter(Boolean)).toHaveLength(3);
  expect(readFileSync(join(image.dir, "etc/hosts"), "utf8")).not.toContain(
    readFileSync("/etc/hostname", "utf8").trim(),
  );
  expect(() => readFileSync(join(image.dir, "etc/shadow"))).toThrow();
  expect(() => readFileSync(join(image.dir, "etc/resolv.conf"))).toThrow();
  for (const [name, target] of image.links) expect(readlinkSync(join(image.dir, name))).toBe(target);
});

test("the root image of sandboxes with a network says whom to ask for names, and has the host's authorities", async () => {
  const closed = await prepareRootImage(dir);
  const network = await prepareRootImage(dir, "network");
  const trusting = await prepareRootImage(dir, "trusting");
  expect(new Set([closed.dir, network.dir, trusting.dir]).size).toBe(3);
  for (const image of [network, trusting]) {
    const read = (path: string) => readFileSync(join(image.dir, path), "utf8");
    expect(read("etc/resolv.conf")).toBe("nameserver 127.0.0.1\n");
    expect(read("etc/nsswitch.conf")).toContain("hosts: files dns\n");
    expect(read(INSIDE.caBundle)).toBe(image.systemBundle ? read(INSIDE.systemBundle) : "");
  }
  expect(existsSync(join(network.dir, INSIDE.authority))).toBe(false);
  expect(existsSync(join(trusting.dir, INSIDE.authority))).toBe(true);
  for (const path of [INSIDE.authority, INSIDE.caBundle, "etc/ssl"])
    expect(existsSync(join(closed.dir, path))).toBe(false);
});

test("epochs grow with every connection and survive the server", async () => {
  const folder = mkdtempSync(join(dir, "epoch-"));
  expect([await nextEpoch(folder), await nextEpoch(folder)]).toEqual([2n, 3n]);
  writeFileSync(join(folder, "epoch"), "damaged");
  expect(await nextEpoch(folder)).toBeGreaterThan(1n);
});

test("an end is told in the driver's words", () => {
  expect(explainEnd({ kind: "exit", code: 3 }, 0)).toEqual({ kind: "exit", code: 3 });
  expect(explainEnd({ kind: "exit", code: 137 }, 0)).toEqual({ kind: "signal", signal: "SIGKILL" });
  expect(explainEnd({ kind: "exit", code: 137 }, 1)).toEqual({ kind: "oom" });
  expect(explainEnd({ kind: "signal", number: 11 }, 1)).toEqual({ kind: "signal", signal: "SIGSEGV" });
  expect(explainEnd({ kind: "signal", number: 99 }, 0)).toEqual({ kind: "signal", signal: "SIG99" });
  expect(explainEnd(undefined, 0)).toEqual({ kind: "signal", signal: "SIGKILL" });
});

describe("a record", () => {
  const id = newId();
  const dirOf = (name: string) => `/sys/fs/cgroup/memory/glovebox/${name}`;
  const place = { version: 1, controllers: ["memory"], origin: "/sys/fs/cgroup/memory" } as const;
  const state = {
    supervisor: { pid: 4711, startTime: 5, bootId: "b" },
    cgroups: [{ ...place, dir: dirOf(`0123abcd-${id}`) }],
    uid: 2_000_001,
    openFiles: 64,
    watched: false,
    env: { A: "1" },
    limitsApplied: [],
    network: true,
  };

  test("comes back from JSON as it was", () => {
    expect(decodeRecord(JSON.parse(JSON.stringify(encodeRecord(id, state))))).toEqual(state);
  });

  test("cannot name a cgroup that is not one of ours", () => {
    for (const bad of [
      dirOf(""),
      dirOf("x"),
      "/sys/fs/cgroup/memory",
      dirOf(`0123abcd-${id}/../..`),
      dirOf(`../0123abcd-${id}`),
    ]) {
      expect(areCgroups([{ ...place, dir: bad }]), bad).toBe(false);
    }
    expect(areCgroups(undefined)).toBe(false);
    expect(areCgroups([null])).toBe(false);
  });

  test("that names no process of ours, or another driver, is refused", () => {
    const record = encodeRecord(id, state);
    for (const bad of [
      { ...record, isolation: "gvisor" as const },
      { ...record, id: "../../etc" },
      { ...record, data: { ...record.data, supervisor: { pid: 1, startTime: 1, bootId: "b" } } },
      { ...record, data: {} },
    ]) {
      expect(() => decodeRecord(bad)).toThrow(/not that of a bubblewrap sandbox/);
    }
  });
});

test("languages are offered when both their program and our kernel are there", () => {
  expect(offeredLanguages(join(dir, "none"), "/no/node").filter((language) => language !== "rust")).toEqual([]);
});
