import { expect, test } from "vitest";
import type { SandboxSpec } from "../../sandbox/index.ts";
import { fit } from "./fit.ts";

const LIMITS = { cpus: 1, memoryMb: 512, pids: 64, openFiles: 256, diskMb: 512 };
const READY: SandboxSpec = {
  id: "ready",
  workspaceDir: "/ready",
  limits: LIMITS,
  allowPartial: false,
  env: { A: "1" },
  languages: ["python", "bash", "typescript", "rust"],
  kernelOptions: { esm: true },
  packages: "/layer",
  outliveServer: true,
};
const ASKED: SandboxSpec = { ...READY, id: "asked", workspaceDir: "/asked" };
const sandbox = { limitsApplied: [], isolation: "bubblewrap" } as const;
const judge = (change: Partial<SandboxSpec>) => fit({ ...ASKED, ...change }, READY, sandbox);
const accept = () => {};

test("a session that asks for nothing of its own has the sandbox with all kernels", () => {
  expect(judge({})).toEqual({ kernels: new Set(["python", "bash", "javascript"]) });
});

test("kernels of languages that the session does not have are not its", () => {
  expect(judge({ languages: ["bash"] })).toEqual({ kernels: new Set(["bash"]) });
  expect(judge({ languages: ["javascript"] })).toEqual({ kernels: new Set(["javascript"]) });
});

test("with an environment of its own it has the sandbox without kernels, which read theirs when they started", () => {
  expect(judge({ env: { A: "2" } })).toEqual({ kernels: new Set() });
  expect(fit({ ...ASKED, env: {} }, READY, { ...sandbox, isolation: "isolate" })).toEqual({ miss: "env" });
});

test("what was settled when the sandbox started is a miss where it differs", () => {
  expect(judge({ limits: { ...LIMITS, memoryMb: 256 } })).toEqual({ miss: "limits" });
  expect(judge({ network: { accept } })).toEqual({ miss: "network" });
  const trusting = { ...READY, network: { accept, authority: "old" } };
  expect(fit({ ...ASKED, network: { accept, authority: "new" } }, trusting, sandbox)).toEqual({ miss: "network" });
  expect(fit({ ...ASKED, network: { accept, authority: "old" } }, trusting, sandbox)).toHaveProperty("kernels");
  expect(judge({ packages: "/other" })).toEqual({ miss: "template" });
  expect(judge({ kernelOptions: { esm: false } })).toEqual({ miss: "template" });
  // A field that nobody thought of here yet.
  expect(judge({ added: 1 } as Partial<SandboxSpec>)).toEqual({ miss: "template" });
});

test("a limit that could not be applied is the session's to accept", () => {
  const partial = {
    ...sandbox,
    limitsApplied: [{ limit: "cpus", requested: 0.5, applied: null, mechanism: "none" }],
  } as const;
  const ready = { ...READY, allowPartial: true };
  expect(fit(ASKED, ready, partial)).toEqual({ miss: "limits" });
  expect(fit({ ...ASKED, allowPartial: true }, ready, partial)).toHaveProperty("kernels");
});
