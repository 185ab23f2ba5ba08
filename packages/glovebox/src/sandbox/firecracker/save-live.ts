import { createWriteStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { GloveboxError } from "../../core/index.ts";
import type { AgentConnection } from "../agent/index.ts";
import type { SandboxFiles } from "../files.ts";
import { writeManifest } from "../snapshot/index.ts";
import type { SnapshotManifest, SnapshotOptions } from "../snapshot.ts";
import type { Supervisor } from "../supervisor/index.ts";
import { IMAGE_FILES, type LiveImage } from "./image.ts";
import type { Jail } from "./jail.ts";
import { inJail, JAIL_FILES } from "./jail-paths.ts";
import { apiOf } from "./jailed-api.ts";
import { openGuest } from "./reach-agent.ts";
import type { GuestFacts } from "./record.ts";

export interface LiveMachine {
  readonly jail: Jail;
  readonly supervisor: Supervisor;
  readonly connection: AgentConnection;
  readonly facts: GuestFacts;
}

const MIB = 1 << 20;
/** Processor and device state are some tens of kilobytes. */
const MOST_STATE = 64 * MIB;
/** What a guest that still answers takes to fall silent, and to take a connection again, milliseconds. */
const QUIET_MS = 10_000;

/**
 * Writes an image of a running machine into `dir`, while it stands still, and returns for how long it did, milliseconds. Firecracker resets a guest's vsock when
 * it saves it, so the conversation with the agent is interrupted, and goes on afterwards. Errors: `resource_exhausted`, `internal`, `unavailable` (the guest does
 * not answer: it is then ended, since nobody would hear of it again).
 */
export async function saveLive({ jail, supervisor, connection, facts }: LiveMachine, dir: string): Promise<number> {
  const api = apiOf(jail);
  const begun = performance.now();
  await orEnd(supervisor, connection.suspend());
  try {
    await api.setState("Paused");
    await api.createSnapshot({
      snapshot_type: "Full",
      snapshot_path: inJail(JAIL_FILES.savedState),
      mem_file_path: inJail(JAIL_FILES.savedMemory),
    });
    const { ramMb } = facts.shape;
    // Twice: a file system's tables come on top of what it holds.
    const most = 2 * facts.limits.diskMb * MIB + MOST_STATE;
    await jail.copyOut(JAIL_FILES.workspace, join(dir, IMAGE_FILES.workspace), most);
    await jail.takeOut(JAIL_FILES.savedState, join(dir, IMAGE_FILES.state), MOST_STATE);
    await jail.takeOut(JAIL_FILES.savedMemory, join(dir, IMAGE_FILES.memory), ramMb * MIB + MOST_STATE);
  } catch (error) {
    throw asFull(error);
  } finally {
    await jail.drop(JAIL_FILES.savedState);
    await jail.drop(JAIL_FILES.savedMemory);
    await api.setState("Resumed");
    await orEnd(supervisor, converseAgain(jail, supervisor, connection));
  }
  return performance.now() - begun;
}

/** Makes the folder of a snapshot, and fills it. One that fails is removed. */
export async function snapshotInto(
  { dir, kind = "memory", signal }: SnapshotOptions,
  files: SandboxFiles,
  compatibility: Readonly<Record<string, string>>,
  save: (dir: string) => Promise<LiveImage>,
): Promise<SnapshotManifest> {
  await mkdir(dir, { mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
    throw cause.code === "EEXIST"
      ? new GloveboxError("already_exists", "The snapshot's folder exists", { cause })
      : cause;
  });
  try {
    if (kind === "files") {
      const archive = createWriteStream(join(dir, IMAGE_FILES.archive), { flags: "wx", mode: 0o600 });
      await pipeline(Readable.from(files.pack("/workspace", signal)), archive, ...(signal ? [{ signal }] : []));
      return await writeManifest(dir, { isolation: "firecracker", kind, compatibility: {}, data: {} }, signal);
    }
    signal?.throwIfAborted();
    const { facts, epoch } = await save(dir);
    const described = {
      isolation: "firecracker",
      kind,
      compatibility: { ...compatibility, image: facts.shape.image.id },
      data: { facts, epoch: String(epoch) },
    } as const;
    return await writeManifest(dir, described, signal);
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw asFull(error);
  }
}

async function converseAgain(jail: Jail, supervisor: Supervisor, connection: AgentConnection): Promise<void> {
  const socket = await openGuest(jail, supervisor, AbortSignal.timeout(QUIET_MS));
  connection.resume(socket);
  // It stood still so that nothing was lost before somebody listened.
  socket.resume();
  await connection.ping();
}

async function orEnd<T>(supervisor: Supervisor, work: Promise<T>): Promise<T> {
  const late = new AbortController();
  try {
    const patience = sleep(QUIET_MS, undefined, { signal: late.signal, ref: false });
    return await Promise.race([
      work,
      patience.then(() => {
        throw new GloveboxError("unavailable", "The guest does not answer");
      }),
    ]);
  } catch (error) {
    work.catch(() => {});
    await supervisor.kill();
    throw error;
  } finally {
    late.abort();
  }
}

/** A full disk has a code of its own, whether we met it or Firecracker. */
function asFull(error: unknown): unknown {
  const full = (error as NodeJS.ErrnoException).code === "ENOSPC" || /No space left/i.test(String(error));
  return full ? new GloveboxError("resource_exhausted", "No space is left for the snapshot", { cause: error }) : error;
}
