import { expect, test } from "vitest";
import type { FinalStatus } from "../../core/index.ts";
import type { ProcessExit, SandboxEnd } from "../../sandbox/index.ts";
import type { StopCause } from "./cause.ts";
import { describeCause, exceptionFor } from "./describe-stop.ts";
import { judge } from "./outcome.ts";
import type { WorkEnd } from "./work-end.ts";

const exit = (more: Partial<ProcessExit>): WorkEnd & { kind: "exit" } => ({
  kind: "exit",
  exit: { cpuMs: 0, maxRssKb: 0, wallMs: 0, ...more },
});
const done = (threw: boolean, exitCode?: number): WorkEnd & { kind: "done" } => ({
  kind: "done",
  threw,
  cpuMs: 0,
  ...(exitCode !== undefined && { exitCode }),
});
const lost = (more: Partial<ProcessExit>): WorkEnd & { kind: "kernel_lost" } => ({
  ...exit(more),
  kind: "kernel_lost",
});
const oom: SandboxEnd = { kind: "oom" };

type Row = [Exclude<WorkEnd, { kind: "detached" }>, StopCause | undefined, boolean, FinalStatus, number, SandboxEnd?];

const TABLE: Row[] = [
  [exit({ code: 0 }), undefined, false, "ok", 0],
  [exit({ code: 0 }), undefined, true, "ok", 0],
  [exit({ code: 3 }), undefined, false, "error", 3],
  [exit({ code: 137 }), undefined, true, "memory_limit", 137],
  [exit({ signal: "SIGTERM" }), undefined, false, "killed", 143],
  [exit({ signal: "SIGKILL" }), undefined, false, "killed", 137],
  [exit({ signal: "SIGKILL" }), undefined, true, "memory_limit", 137],
  [exit({ signal: "SIGSEGV" }), undefined, false, "killed", 139],
  [exit({ signal: "SIGSYS" }), undefined, false, "denied", 159],
  [exit({ signal: "SIGXCPU" }), undefined, false, "cpu_limit", 152],
  [exit({ signal: "SIGKILL", limit: "wall" }), undefined, false, "timeout", 124],
  [exit({ signal: "SIGKILL", limit: "cpu" }), undefined, false, "cpu_limit", 152],
  [exit({ signal: "SIGKILL", limit: "memory" }), undefined, false, "memory_limit", 137],
  [exit({ signal: "SIGKILL", limit: "disk" }), undefined, false, "killed", 137],
  [exit({ code: 0 }), { kind: "cancelled" }, false, "cancelled", 130],
  [exit({ code: 0 }), { kind: "limit", limit: "wall" }, false, "timeout", 124],
  [exit({ code: 1 }), { kind: "limit", limit: "compile" }, false, "timeout", 124],
  [done(false), undefined, true, "ok", 0],
  [done(true), undefined, false, "error", 1],
  [done(true, 4), undefined, false, "error", 4],
  [done(true, 0), undefined, false, "ok", 0],
  [done(true, 137), undefined, true, "memory_limit", 137],
  [done(true), { kind: "events_limit" }, false, "events_limit", 153],
  [done(true), { kind: "output_limit" }, false, "output_limit", 153],
  [done(true), { kind: "store_failed", error: 1 }, false, "internal_error", 1],
  [lost({ code: 3 }), undefined, false, "error", 3],
  [lost({ signal: "SIGABRT" }), undefined, false, "killed", 134],
  [lost({ signal: "SIGKILL" }), undefined, true, "memory_limit", 137],
  [{ kind: "sandbox_gone" }, undefined, false, "lost", 1],
  [{ kind: "sandbox_gone" }, undefined, false, "memory_limit", 137, oom],
  [{ kind: "sandbox_gone" }, { kind: "limit", limit: "wall" }, false, "timeout", 124],
  [{ kind: "not_started", error: new Error("x") }, undefined, false, "internal_error", 1],
];

test("every end has the status and the return code of the table", () => {
  for (const [end, cause, memoryRanOut, status, exitCode, sandboxEnd] of TABLE) {
    const verdict = judge(end, cause, { memoryRanOut, sandboxEnd });
    expect([JSON.stringify([end, cause]), verdict.status, verdict.exitCode]).toEqual([
      JSON.stringify([end, cause]),
      status,
      exitCode,
    ]);
  }
});

test("every cause is told in words that name the limit", () => {
  const limits = { wallMs: 11, cpuMs: 12, compileMs: 13, outputBytes: 1, maxEvents: 1, onOutputLimit: "stop" } as const;
  const words = (cause: StopCause) => describeCause(cause, limits);
  expect(words({ kind: "limit", limit: "wall" })).toMatchObject({
    code: "wall_limit",
    message: expect.stringContaining("11"),
  });
  expect(words({ kind: "limit", limit: "cpu" })?.message).toContain("12");
  expect(words({ kind: "limit", limit: "compile" })?.message).toContain("13");
  for (const limit of ["memory", "disk", "pids"] as const)
    expect(words({ kind: "limit", limit })?.code).toBe(`${limit}_limit`);
  expect(words({ kind: "output_limit" })?.code).toBe("output_limit");
  expect(words({ kind: "store_failed", error: 1 })?.code).toBe("store_failed");
  expect(words({ kind: "events_limit" })).toBeUndefined();
  const of = (status: FinalStatus, more?: Partial<ProcessExit>) =>
    exceptionFor(status, undefined, limits, more && exit(more).exit);
  expect(of("killed", { signal: "SIGABRT" })).toEqual({ name: "Killed", message: "ended by SIGABRT" });
  expect(of("error", { code: 3 })).toEqual({ name: "KernelExited", message: "ended with exit code 3" });
  expect(of("denied").message).toContain("system call");
  expect(of("lost").message).toContain("gone");
  expect(of("events_limit").message).toContain("events");
  expect(of("internal_error").message).toContain("could not");
});
