import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { memoryShortage } from "./host-memory.ts";

const THRESHOLDS = { minFreePercent: 10, maxPressurePercent: 20 };
const MIB = 1_048_576;
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "glovebox-memory-"));
  meminfo(50);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), `${text}\n`);
}
const meminfo = (free: number) =>
  put("proc/meminfo", `MemTotal:       1000 kB\nMemFree: 1 kB\nMemAvailable:   ${free * 10} kB`);
const shortage = () => memoryShortage(THRESHOLDS, root);

test("the machine's free memory counts", () => {
  expect(shortage()).toBeUndefined();
  meminfo(9);
  expect(shortage()).toMatch(/9\.0 % of the machine/);
  expect(memoryShortage({ ...THRESHOLDS, minFreePercent: 5 }, root)).toBeUndefined();
});

test("what programs wait for memory counts", () => {
  const pressure = (avg10: string) =>
    put(
      "proc/pressure/memory",
      `some avg10=${avg10} avg60=0.00 avg300=0.00 total=1\nfull avg10=99.00 avg60=0 avg300=0 total=1`,
    );
  pressure("19.90");
  expect(shortage()).toBeUndefined();
  pressure("20.10");
  expect(shortage()).toMatch(/20\.10 %/);
});

test("the server's own limit counts, and those around it, in version 2", () => {
  put("proc/self/cgroup", "0::/service/server");
  put("sys/fs/cgroup/service/server/memory.max", "max");
  put("sys/fs/cgroup/service/server/memory.current", "1");
  expect(shortage()).toBeUndefined();
  put("sys/fs/cgroup/service/memory.max", String(100 * MIB));
  put("sys/fs/cgroup/service/memory.current", String(95 * MIB));
  expect(shortage()).toMatch(/5\.0 % of the server's memory limit/);
  // What the kernel would give back is free.
  put("sys/fs/cgroup/service/memory.stat", `anon 1\ninactive_file ${10 * MIB}`);
  expect(shortage()).toBeUndefined();
});

test("the same in version 1, where no limit is a huge one", () => {
  put("proc/self/cgroup", "4:cpu,cpuacct:/\n3:memory:/a");
  put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
  put("sys/fs/cgroup/memory/memory.usage_in_bytes", String(95 * MIB));
  expect(shortage()).toBeUndefined();
  put("sys/fs/cgroup/memory/a/memory.limit_in_bytes", String(100 * MIB));
  put("sys/fs/cgroup/memory/a/memory.usage_in_bytes", String(95 * MIB));
  expect(shortage()).toMatch(/5\.0 % of the server's memory limit/);
  put("sys/fs/cgroup/memory/a/memory.stat", `cache 1\ntotal_inactive_file ${10 * MIB}`);
  expect(shortage()).toBeUndefined();
});

test("what nothing tells is no shortage, and no path leads out of the hierarchy", () => {
  rmSync(join(root, "proc"), { recursive: true });
  expect(shortage()).toBeUndefined();
  put("proc/self/cgroup", "0::/../../proc\nnonsense\n0:");
  put("proc/meminfo", "MemTotal: many kB");
  expect(shortage()).toBeUndefined();
});
