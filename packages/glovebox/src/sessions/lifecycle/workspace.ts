import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { GloveboxError, isGloveboxError, type WorkspaceInput } from "../../core/index.ts";
import type { Sandbox } from "../../sandbox/index.ts";
import { removeTree } from "../../sandbox/index.ts";
import { cloneRepository } from "./clone-repository.ts";

export function workspacesFolder(dataDir: string): string {
  return join(dataDir, "workspaces");
}

export function workspaceDir(dataDir: string, sessionId: string): string {
  return join(workspacesFolder(dataDir), sessionId);
}

/** Errors: `permission_denied` when what is asked for reads the server's own disk and the asker may not. */
export function checkWorkspace(input: WorkspaceInput | undefined, trusted: boolean): void {
  if (input === undefined || trusted) return;
  if (input.kind !== "dir" && input.kind !== "git") return;
  throw new GloveboxError(
    "permission_denied",
    `a workspace of kind '${input.kind}' reads the server's own disk: only the root token may ask for it`,
  );
}

/**
 * Makes the workspace on the host before the sandbox has it. Resolves to the commit of a cloned repository. Errors: `workspace_invalid`.
 */
export async function prepareWorkspace(
  folder: string,
  input: WorkspaceInput | undefined,
  signal?: AbortSignal,
): Promise<{ readonly baseCommit?: string }> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    if (input?.kind === "dir") {
      await cp(input.source, folder, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    }
    if (input?.kind === "git") return { baseCommit: await cloneRepository(input.source, input.ref, folder, signal) };
    return {};
  } catch (error) {
    if (isGloveboxError(error)) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new GloveboxError("workspace_invalid", `the workspace could not be made: ${message}`, { cause: error });
  }
}

/** Unpacks an archive inside the sandbox, so that no path in it is followed on the host. Errors: `workspace_invalid`. */
export async function unpackArchive(sandbox: Sandbox, base64: string, signal?: AbortSignal): Promise<void> {
  const bytes = Buffer.from(base64, "base64");
  try {
    await sandbox.files.unpack(".", Readable.from(pieces(bytes)), signal);
  } catch (error) {
    if (isGloveboxError(error, "resource_exhausted")) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new GloveboxError("workspace_invalid", `the archive could not be unpacked: ${message}`, { cause: error });
  }
}

export function removeWorkspace(folder: string): Promise<void> {
  return removeTree(folder);
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}
