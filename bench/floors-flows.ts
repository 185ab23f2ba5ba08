import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId } from "../packages/glovebox/src/core/index.ts";
import type { Sandbox, SandboxFiles } from "../packages/glovebox/src/sandbox/index.ts";
import type { Stage } from "../packages/glovebox/src/sessions/testing/stage.ts";

/** A command of a sandbox, run again. */
interface OwnCommand {
  readonly argv: readonly string[];
  /** From its start to its exit. */
  readonly ms: number;
}

/** What the sandboxes of a stage are given, from now on. */
interface RecordedSandbox extends Disposable {
  /** Does all of it again, one after the other, in a bare sandbox of the same kind. Files are put there as well, and not counted. */
  again(): Promise<readonly OwnCommand[]>;
}

type Replay = (sandbox: Sandbox) => Promise<OwnCommand | undefined>;
const LIMITS = { cpus: 2, memoryMb: 2_048, pids: 1_024, openFiles: 4_096, diskMb: 4_096 } as const;

export function recordSandbox({ services, driver }: Stage): RecordedSandbox {
  const { executions, sessions } = services;
  const replays: Replay[] = [];
  const own = { start: executions.start, files: sessions.files };
  const start: typeof own.start = (tenantId, sessionId, input, options) => {
    if (input.kind !== "command") throw new Error("flows only run commands");
    const { argv = [], cwd, env = {}, stdin = "" } = input;
    replays.push((sandbox) => command(sandbox, { argv, cwd, env, stdin }));
    return own.start.call(executions, tenantId, sessionId, input, options);
  };
  const files: typeof own.files = async (tenantId, sessionId) =>
    recordedFiles(await own.files.call(sessions, tenantId, sessionId), replays);
  Object.assign(executions, { start });
  Object.assign(sessions, { files });
  return {
    again: async () => {
      const folder = await mkdtemp(join(tmpdir(), "glovebox-floor-"));
      try {
        const spec = { id: newId(), workspaceDir: folder, limits: LIMITS, allowPartial: true, env: {}, languages: [] };
        await using sandbox = await driver.create(spec);
        const commands: OwnCommand[] = [];
        for (const replay of replays) commands.push(...[await replay(sandbox)].filter((one) => one !== undefined));
        return commands;
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    [Symbol.dispose]: () => {
      Object.assign(executions, own);
      Object.assign(sessions, own);
    },
  };
}

/** Of what changes files; what only reads them needs nothing. */
function recordedFiles(files: SandboxFiles, replays: Replay[]): SandboxFiles {
  const change = (replay: (files: SandboxFiles) => Promise<unknown>) =>
    replays.push(async (sandbox) => void (await replay(sandbox.files).catch(() => {})));
  return new Proxy(files, {
    get(target, key: keyof SandboxFiles) {
      if (key === "unpack") return unpack;
      if (typeof target[key] !== "function") return undefined;
      const method = target[key].bind(target) as (...given: unknown[]) => unknown;
      if (!["write", "mkdir", "rename", "remove"].includes(key)) return method;
      return (...given: unknown[]) => {
        const kept = given.map((one) => (one instanceof AbortSignal ? undefined : withoutSignal(one)));
        change((again) => (again[key] as (...all: unknown[]) => Promise<unknown>)(...kept));
        return method(...given);
      };
    },
  });

  async function unpack(path: string, tar: AsyncIterable<Uint8Array>, signal?: AbortSignal) {
    const pieces: Uint8Array[] = [];
    change((again) => again.unpack(path, ReadableStream.from(pieces)));
    return await files.unpack(path, kept(tar, pieces), signal);
  }
}

async function* kept(tar: AsyncIterable<Uint8Array>, pieces: Uint8Array[]): AsyncGenerator<Uint8Array> {
  for await (const piece of tar) {
    pieces.push(piece);
    yield piece;
  }
}

function withoutSignal(given: unknown): unknown {
  if (typeof given !== "object" || given === null || !("signal" in given)) return given;
  const { signal: _signal, ...rest } = given;
  return rest;
}

async function command(
  sandbox: Sandbox,
  given: {
    readonly argv: readonly string[];
    readonly cwd: string | undefined;
    readonly env: Readonly<Record<string, string>>;
    readonly stdin: string;
  },
): Promise<OwnCommand> {
  const { argv, cwd, env, stdin } = given;
  const from = performance.now();
  const process = await sandbox.spawn({
    ...{ kind: "program", argv, env, stdin: stdin === "" ? "null" : "pipe" },
    ...(cwd !== undefined && { cwd }),
  });
  if (stdin !== "") {
    await process.write(Buffer.from(stdin));
    await process.closeStdin();
  }
  for await (const item of process.output())
    if (item.kind === "output") process.ack(item.stream, item.offset + item.data.length);
  process.release();
  return { argv, ms: performance.now() - from };
}
