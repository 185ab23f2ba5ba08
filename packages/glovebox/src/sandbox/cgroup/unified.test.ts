import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { newId } from "../../core/index.ts";
import { detectCgroups } from "./host.ts";
import { SandboxCgroup } from "./sandbox-cgroup.ts";
import { prepareUnified } from "./unified.ts";

const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
const v2 = mounts.filter((line) => line.includes(" - cgroup2 "));
const mountPoint = v2[0]?.split(" ")[4] ?? "";
const own =
  readFileSync("/proc/self/cgroup", "utf8")
    .split("\n")
    .find((line) => line.startsWith("0::")) ?? "";
const host = v2.length > 0 ? detectCgroups(v2.join("\n"), own) : undefined;
const usable = host !== undefined && host.parents.length > 0;

/** Where a hybrid keeps its controllers in v1, v2 still kills and freezes: that much is tested everywhere. */
describe.skipIf(!usable)(`a cgroup v2 hierarchy${usable ? "" : " (none is ours here)"}`, () => {
  test("gives each controller or the reason why not", () => {
    const offered = readFileSync(join(mountPoint, "cgroup.controllers"), "utf8").split(/\s+/);
    for (const controller of ["memory", "pids", "cpu"] as const) {
      const has = host?.parents.some((parent) => parent.controllers.includes(controller));
      expect(has !== (host?.missing[controller] !== undefined), controller).toBe(true);
      if (!offered.includes(controller)) expect(host?.missing[controller]).toContain(controller);
    }
    expect(host?.parents[0]?.controllers).toContain("freezer");
  });

  test("freezes, kills by its one switch, and goes", async () => {
    if (!host) return;
    const cgroup = SandboxCgroup.create(host, `deadbee4-${newId()}`);
    const child = spawn("sh", ["-c", "sleep 0.2; exit 3"], { stdio: "ignore" });
    const ended = once(child, "exit");
    const [place] = cgroup.places;
    writeFileSync(join(place?.dir ?? "", "cgroup.procs"), String(child.pid));
    expect(cgroup.freeze(true)).toBe(true);
    const first = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 500, "frozen"))]);
    expect(first).toBe("frozen");
    await cgroup.kill();
    expect((await ended)[1]).toBe("SIGKILL");
    expect(await cgroup.remove()).toBe(true);
    expect(existsSync(place?.dir ?? "")).toBe(false);
  });

  test("is divided above the leaf into which a server was moved", () => {
    const base = join(mountPoint, `glovebox-test-${process.pid}`);
    const leaf = join(base, "glovebox-server");
    mkdirSync(leaf, { recursive: true });
    try {
      const place = {
        version: 2,
        controllers: [],
        mountPoint: base,
        ownDir: leaf,
        visible: true,
        readOnly: false,
      } as const;
      expect(prepareUnified(place).parent).toBe(join(base, "glovebox"));
    } finally {
      for (const dir of [join(base, "glovebox"), leaf, base]) if (existsSync(dir)) rmdirSync(dir);
    }
  });

  test("that is not there, or not ours, says how it could be", () => {
    const ownDir = join(mountPoint, "no-such-folder");
    const place = { version: 2, controllers: [], mountPoint: ownDir, ownDir, visible: true, readOnly: false } as const;
    expect(() => prepareUnified(place)).toThrow(/Delegate=yes/);
  });
});
