import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_LIMITS } from "../../core/index.ts";
import { encodeKernelRequest } from "../kernel/index.ts";
import { diskUsage } from "./disk-usage.ts";
import { MemoryCap } from "./engine/memory-cap.ts";
import { candidates, DEFAULT_RESOLVER } from "./engine/resolve.ts";
import { workspacePath } from "./host/input.ts";
import { checkLimits, limitsApplied } from "./limits-applied.ts";
import { OutputQueue } from "./output-queue.ts";
import { RequestParser } from "./request-parser.ts";
import { newWords } from "./shared-words.ts";

describe("requests", () => {
  test("are found however the bytes are cut", () => {
    const request = {
      id: "1",
      mode: "repl",
      language: "typescript",
      args: ["a"],
      env: { E: "é" },
      source: "x\ny",
    } as const;
    const bytes = Buffer.concat([
      encodeKernelRequest(request),
      encodeKernelRequest({ ...request, id: "2", mode: "file" }),
    ]);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 8 }), (cuts) => {
        const parser = new RequestParser();
        const ends = [...cuts, bytes.length].sort((a, b) => a - b);
        const found = ends.flatMap((end, i) => parser.push(bytes.subarray(ends[i - 1] ?? 0, end)));
        expect(found).toMatchObject([request, { id: "2", mode: "file" }]);
      }),
    );
  });

  test("anything else is refused", () => {
    expect(() => new RequestParser().push(Buffer.from("run\0 1\0repl\0{}\0x\0"))).toThrow("not a kernel request");
    expect(() => new RequestParser().push(Buffer.from("exec\0 1\0else\0{}\0x\0"))).toThrow("not a kernel request");
  });
});

describe("the output queue", () => {
  test("keeps order, cuts large chunks, ends with the exit", async () => {
    const queue = new OutputQueue();
    queue.output("stdout", new Uint8Array(100_000));
    queue.output("control", Buffer.from("c"));
    expect(queue.held.stdout).toEqual({ from: 0, to: 100_000 });
    expect(queue.ack("stdout", 65_536)).toBe(65_536);
    expect(queue.ack("stdout", 5)).toBe(65_536);
    expect(queue.ack("stdout", 1e9)).toBe(100_000);
    queue.push({ kind: "exit", exit: { signal: "SIGKILL", cpuMs: 0, maxRssKb: 0, wallMs: 0 } });
    queue.output("stdout", Buffer.from("late"));
    const seen: string[] = [];
    for await (const item of queue.read())
      seen.push(item.kind === "output" ? `${item.stream}@${item.offset}` : item.kind);
    expect(seen).toEqual(["stdout@0", "stdout@65536", "control@0", "exit"]);
    for await (const item of queue.read()) throw new Error(`nothing is left, but ${item.kind}`);
  });

  test("a waiting reader wakes up, an aborted one stops, a second one is refused", async () => {
    const queue = new OutputQueue();
    const abort = new AbortController();
    const reader = queue.read(abort.signal)[Symbol.asyncIterator]();
    const first = reader.next();
    await expect(queue.read()[Symbol.asyncIterator]().next()).rejects.toThrow("one reader");
    queue.output("stderr", Buffer.from("e"));
    expect((await first).value).toMatchObject({ stream: "stderr" });
    const second = reader.next();
    abort.abort();
    await expect(second).rejects.toThrow();
  });
});

describe("paths", () => {
  test("no name of a module or file leads out of the workspace", () => {
    const part = fc.constantFrom("..", ".", "a", "", "/", "~", "\\", "%2e%2e", "a.js");
    fc.assert(
      fc.property(fc.array(part, { maxLength: 10 }), (parts) => {
        const path = parts.join("/");
        for (const find of [
          () => [workspacePath(path)],
          () => candidates("/workspace/a/b", path, { ...DEFAULT_RESOLVER, allowAbsoluteRepoImports: true }),
        ]) {
          try {
            for (const found of find()) expect(found).toMatch(/^\/workspace(?!\/(.*\/)?\.\.(\/|$))/);
          } catch (error) {
            if ((error as Error).name === "AssertionError") throw error;
          }
        }
      }),
    );
  });

  test("built-in modules and URLs are not looked up", () => {
    for (const name of ["fs", "child_process", "node:vm", "https://x/y.js", "data:text/javascript,1"]) {
      expect(() => candidates("/workspace", name, DEFAULT_RESOLVER)).toThrow("not offered");
    }
  });
});

describe("memory", () => {
  test("is refused three times before it is exceeded, and the count of the session stays right", () => {
    let exceeded = 0;
    const cap = new MemoryCap(
      () => {},
      () => {
        exceeded += 1;
      },
    );
    const used = newWords(1);
    cap.join(used, 300);
    expect(cap.memory.grow(40)).toBe(256);
    for (let i = 0; i < 2; i += 1) expect(() => cap.memory.grow(10)).toThrow(RangeError);
    expect([exceeded, used[0]]).toEqual([0, 296]);
    expect(cap.memory.grow(4)).toBe(296);
    for (let i = 0; i < 3; i += 1) expect(() => cap.memory.grow(1)).toThrow(RangeError);
    expect([exceeded, used[0]]).toEqual([1, 300]);
    new MemoryCap(
      () => {},
      () => {
        exceeded += 1;
      },
    ).join(used, 300);
    expect(exceeded).toBe(2);
  });
});

test("limits say how they hold", () => {
  const { wallMs: _w, cpuMs: _c, compileMs: _m, outputBytes: _o, maxEvents: _e, ...limits } = DEFAULT_LIMITS;
  const applied = limitsApplied({ ...limits, cpus: 4, memoryMb: 4096 }, true);
  expect(applied.find((item) => item.limit === "cpus")).toMatchObject({
    requested: 4,
    applied: 1,
    mechanism: "engine",
  });
  expect(applied.find((item) => item.limit === "memoryMb")).toMatchObject({ applied: 2048 });
  expect(applied.find((item) => item.limit === "diskMb")).toMatchObject({ mechanism: "host" });
  expect(limitsApplied(limits, false).find((item) => item.limit === "diskMb")).toMatchObject({ mechanism: "engine" });
  expect(() => checkLimits({ ...limits, memoryMb: 8 })).toThrow("at least 16 MiB");
  checkLimits(limits);
});

test("disk usage does not follow symlinks", async () => {
  const folder = await mkdtemp(join(tmpdir(), "glovebox-usage-"));
  try {
    await writeFile(join(folder, "a"), Buffer.alloc(10_000));
    await symlink("/usr", join(folder, "link"));
    expect(await diskUsage(folder)).toBeLessThan(50_000);
    expect(await diskUsage(folder)).toBeGreaterThanOrEqual(10_000);
  } finally {
    await rm(folder, { recursive: true });
  }
});
