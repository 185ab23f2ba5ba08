import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { DEFAULT_LIMITS, newId, type SessionLimits } from "../../packages/glovebox/src/core/index.ts";
import type {
  DriverCapabilities,
  IsolationDriver,
  Sandbox,
  SandboxProcess,
  SandboxSpec,
} from "../../packages/glovebox/src/sandbox/index.ts";

/** A driver under test with what the suite needs to know of its world. */
export interface DriverSubject {
  readonly driver: IsolationDriver;
  /** A folder of the test's own. */
  readonly baseDir: string;
  /** Another driver over the same folders, as the next server makes it. */
  again(): IsolationDriver;
  /** What is on the host now that belongs to sandboxes of this subject: folders, processes, cgroups. */
  leftovers(): Promise<readonly string[]>;
  dispose(): Promise<void>;
}

export type MakeSubject = () => Promise<DriverSubject>;

/** What each part of the suite gets: the subject is made before its tests. */
export interface SuiteContext {
  readonly subject: DriverSubject;
  readonly capabilities: DriverCapabilities;
}

export const LIMITS: SessionLimits = {
  cpus: 1,
  memoryMb: 256,
  pids: 64,
  openFiles: DEFAULT_LIMITS.openFiles,
  diskMb: 128,
};

/** A sandbox with a workspace of its own, both gone at the end of the scope. */
export async function makeSandbox(
  context: SuiteContext,
  overrides: Partial<Omit<SandboxSpec, "id" | "workspaceDir">> = {},
): Promise<Sandbox & { readonly workspaceDir: string }> {
  const workspaceDir = await mkdtemp(join(context.subject.baseDir, "ws-"));
  const spec: SandboxSpec = {
    id: newId(),
    workspaceDir,
    limits: LIMITS,
    allowPartial: false,
    env: {},
    languages: [],
    ...overrides,
  };
  const sandbox = await context.subject.driver.create(spec);
  return Object.assign(sandbox, {
    workspaceDir,
    [Symbol.asyncDispose]: async () => {
      await sandbox.destroy();
      await rm(workspaceDir, { recursive: true, force: true });
    },
  });
}

export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly code?: number;
  readonly signal?: string;
  readonly limit?: string;
}

/** Reads a process to its end, acknowledging as it goes. */
export async function finish(process: SandboxProcess): Promise<Outcome> {
  const text = { stdout: "", stderr: "", control: "" };
  for await (const item of process.output()) {
    if (item.kind === "output") {
      text[item.stream] += Buffer.from(item.data).toString("utf8");
      process.ack(item.stream, item.offset + item.data.length);
    }
    if (item.kind === "exit") {
      const { code, signal, limit } = item.exit;
      process.release();
      return {
        stdout: text.stdout,
        stderr: text.stderr,
        ...(code === undefined ? {} : { code }),
        ...(signal === undefined ? {} : { signal }),
        ...(limit === undefined ? {} : { limit }),
      };
    }
  }
  throw new Error("the output ended without an exit");
}

/** Runs a shell line to its end. */
export async function shell(sandbox: Sandbox, line: string): Promise<Outcome> {
  return finish(await sandbox.spawn({ kind: "program", argv: ["/bin/sh", "-c", line], stdin: "null" }));
}

/** Runs Python code to its end. */
export async function python(sandbox: Sandbox, code: string): Promise<Outcome> {
  return finish(await sandbox.spawn({ kind: "program", argv: ["/usr/bin/python3", "-c", code], stdin: "null" }));
}
