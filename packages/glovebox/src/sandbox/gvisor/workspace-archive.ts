import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { GloveboxError } from "../../core/index.ts";

const run = promisify(execFile);
/** An exit code of tar: files changed or vanished while it read. Nothing runs meanwhile, so that is a failure as well. */
const MAX_COMPLAINT = 65_536;

/**
 * Writes a workspace into a tar file, with links as links, holes as holes and times to the nanosecond. Errors: `resource_exhausted` when
 * there is no space for it, `internal`.
 */
export async function packWorkspace(workspaceDir: string, file: string, signal?: AbortSignal): Promise<void> {
  await tar(["--create", "--format=posix", "--sparse", "--file", file, "--directory", workspaceDir, "."], signal);
}

/** Fills an empty folder from such a file, everything in it root's until it is handed over. Errors as those of {@link packWorkspace}. */
export async function unpackWorkspace(file: string, workspaceDir: string, signal?: AbortSignal): Promise<void> {
  const rights = ["--same-permissions", "--no-same-owner"];
  await tar(["--extract", ...rights, "--file", file, "--directory", workspaceDir], signal);
}

async function tar(args: readonly string[], signal?: AbortSignal): Promise<void> {
  try {
    await run("tar", [...args], {
      maxBuffer: MAX_COMPLAINT,
      env: { PATH: process.env.PATH },
      ...(signal ? { signal } : {}),
    });
  } catch (cause) {
    if (signal?.aborted) throw new GloveboxError("cancelled", "Copying the workspace was cancelled", { cause });
    const said = String((cause as { stderr?: unknown }).stderr || cause)
      .trim()
      .slice(-1000);
    const code = /No space left|Disk quota|Wrote only/.test(said) ? "resource_exhausted" : "internal";
    throw new GloveboxError(code, `The workspace could not be copied: ${said}`, { cause });
  }
}
