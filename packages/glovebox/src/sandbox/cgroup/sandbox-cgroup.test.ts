import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { newId } from "../../core/index.ts";
import { type CgroupPlace, detectCgroups, SandboxCgroup, sweepCgroups } from "./index.ts";

const host = detectCgroups();
const lacking = host.parents.length === 0 ? "no cgroup can be made here" : "";
const made: SandboxCgroup[] = [];

function make(name = `deadbee0-${newId()}`): SandboxCgroup {
  const cgroup = SandboxCgroup.create(host, name);
  made.push(cgroup);
  return cgroup;
}

/** A process in all of its cgroups. */
function populate(cgroup: SandboxCgroup, argv: readonly string[] = ["sleep", "300"]) {
  const [program = "", ...args] = argv;
  const child = spawn(program, args, { stdio: "ignore" });
  for (const { dir } of cgroup.places) writeFileSync(join(dir, "cgroup.procs"), String(child.pid));
  return child;
}

function placeOf(cgroup: SandboxCgroup, controller: CgroupPlace["controllers"][number]): CgroupPlace | undefined {
  return cgroup.places.find((place) => place.controllers.includes(controller));
}

describe.skipIf(lacking !== "")(`cgroups of a sandbox ${lacking}`, () => {
  afterEach(async () => {
    for (const cgroup of made.splice(0)) await cgroup.remove();
  });

  test("what was set is what the kernel says", () => {
    const cgroup = make();
    const outcome = cgroup.setLimits({ memoryBytes: 64 << 20, pids: 33, cpus: 0.5 });
    for (const [name, file1, file2, value] of [
      ["memory", "memory.limit_in_bytes", "memory.max", String(64 << 20)],
      ["pids", "pids.max", "pids.max", "33"],
      ["cpu", "cpu.cfs_quota_us", "cpu.max", "50000"],
    ] as const) {
      const place = placeOf(cgroup, name);
      expect(outcome[name].set, name).toBe(place !== undefined);
      if (!place) continue;
      const text = readFileSync(join(place.dir, place.version === 1 ? file1 : file2), "utf8");
      expect(text.trim().split(" ")[0]).toBe(value);
    }
  });

  test("removing kills what still runs, and can be done again", async () => {
    const cgroup = make();
    const child = populate(cgroup);
    const ended = once(child, "exit");
    expect(await cgroup.remove()).toBe(true);
    expect((await ended)[1]).toBe("SIGKILL");
    for (const { dir } of cgroup.places) expect(existsSync(dir)).toBe(false);
    expect(await cgroup.remove()).toBe(true);
  });

  test("killing outruns a program that forks on", async () => {
    const cgroup = make();
    cgroup.setLimits({ memoryBytes: 256 << 20, pids: 40, cpus: 1 });
    const child = populate(cgroup, ["sh", "-c", "sleep 0.2; while :; do sleep 300 & done"]);
    const ended = once(child, "exit");
    await new Promise((resolve) => setTimeout(resolve, 500));
    await cgroup.kill();
    await ended;
    for (const { dir } of cgroup.places) expect(readFileSync(join(dir, "cgroup.procs"), "utf8")).toBe("");
  });

  test("a frozen process does nothing until it is thawed", async () => {
    const cgroup = make();
    const child = populate(cgroup, ["sh", "-c", "sleep 0.3; exit 9"]);
    const ended = once(child, "exit");
    if (!cgroup.freeze(true)) return;
    const first = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 700, "frozen"))]);
    expect(first).toBe("frozen");
    cgroup.freeze(false);
    expect((await ended)[0]).toBe(9);
  });

  test("an out-of-memory kill is counted", async () => {
    const cgroup = make();
    if (!cgroup.setLimits({ memoryBytes: 24 << 20, pids: 40, cpus: 1 }).memory.set) return;
    expect(cgroup.oomKills()).toBe(0);
    const child = populate(cgroup, ["sh", "-c", "sleep 0.2; exec tail /dev/zero"]);
    expect((await once(child, "exit"))[1]).toBe("SIGKILL");
    expect(cgroup.oomKills()).toBeGreaterThan(0);
    expect(cgroup.memoryBytes()).toBeLessThanOrEqual(24 << 20);
  });

  test("a sweep takes those of its prefix that nobody keeps", async () => {
    const kept = `deadbee1-${newId()}`;
    const lost = `deadbee1-${newId()}`;
    const other = `deadbee2-${newId()}`;
    for (const name of [kept, lost, other]) make(name);
    expect(await sweepCgroups(host, "deadbee1-", new Set([kept]))).toEqual([lost]);
    expect(await sweepCgroups(host, "deadbee1-", new Set())).toEqual([kept]);
    expect(existsSync(made.at(-1)?.places[0]?.dir ?? "")).toBe(true);
  });
});
