import {
  DEFAULT_LIMITS,
  type Execution,
  type NewEvent,
  newId,
  type Session,
  type StreamRef,
  type Template,
  type Token,
} from "../../packages/glovebox/src/core/index.ts";

export const TENANT = "acme";
export const OTHER_TENANT = "umbrella";
const CREATED = "2026-11-20T10:00:00.000Z";

export function aTemplate(change: Partial<Template> = {}): Template {
  const id = newId();
  return {
    id,
    tenantId: TENANT,
    name: `t-${id}`,
    version: 1,
    isolation: "bubblewrap",
    languages: ["python", "bash"],
    packages: { apt: [], python: [], node: [], cargo: [] },
    limits: DEFAULT_LIMITS,
    maxLimits: DEFAULT_LIMITS,
    allowPartial: false,
    onOutputLimit: "truncate",
    network: {
      mode: "none",
      allow: [],
      exempt: [],
      limits: { connections: 64, bytes: 1_073_741_824, seconds: 3_600 },
    },
    secrets: [],
    resolver: { roots: ["."], extensions: [".js"], allowAbsoluteRepoImports: false },
    runtime: { esm: true, strict: false, console: "events" },
    modules: [],
    libraries: [],
    capabilities: [],
    startupFiles: [{ path: "a.py", order: 10, mode: "eval", content: "SEED = 'é\\u0000\"'" }],
    env: { A: "1" },
    snapshots: { auto: "never", rollbackOnFailure: false, keep: 10 },
    forkable: false,
    idleTimeoutMs: 1000,
    maxLifetimeMs: 2000,
    pool: { min: 0, max: 0, refillConcurrency: 1 },
    createdAt: CREATED,
    updatedAt: CREATED,
    ...change,
  };
}

export function aSession(change: Partial<Session> = {}): Session {
  return {
    id: newId(),
    tenantId: TENANT,
    templateId: newId(),
    templateVersion: 1,
    isolation: "bubblewrap",
    status: "ready",
    workspace: { kind: "empty" },
    limitsApplied: [{ limit: "pids", requested: 256, applied: 256, mechanism: "cgroup-v1" }],
    languages: ["python"],
    env: {},
    nodeId: "node",
    createdAt: CREATED,
    lastActivityAt: CREATED,
    idleTimeoutMs: 1000,
    metadata: {},
    ...change,
  };
}

export const INTERNALS = { workspaceDir: "/somewhere", sandboxRecord: { pid: 1, deep: { a: [1, "é"] } } };

export function anExecution(sessionId: string, change: Partial<Execution> = {}): Execution {
  return {
    id: newId(),
    tenantId: TENANT,
    sessionId,
    kind: "repl",
    language: "python",
    input: "print(1)",
    env: {},
    cwd: "/workspace",
    background: false,
    status: "queued",
    metrics: {
      queuedMs: 0,
      durationMs: 0,
      cpuMs: 0,
      maxRssKb: 0,
      events: 0,
      outputBytes: 0,
      truncated: { stdout: false, stderr: false },
    },
    createdAt: CREATED,
    ...change,
  };
}

export function aToken(change: Partial<Token> = {}): Token {
  return {
    id: newId(),
    tenantId: TENANT,
    name: "laptop",
    roles: ["developer"],
    prefix: "gb_12",
    root: false,
    createdAt: CREATED,
    ...change,
  };
}

export function aStream(change: Partial<StreamRef> = {}): StreamRef {
  return { tenantId: TENANT, kind: "execution", id: newId(), ...change };
}

export function lines(...texts: readonly string[]): NewEvent[] {
  return texts.map((text) => ({ type: "stdout", payload: { text } }));
}
