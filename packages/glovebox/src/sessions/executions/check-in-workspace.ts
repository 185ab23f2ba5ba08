import { GloveboxError, isGloveboxError } from "../../core/index.ts";
import type { LiveSession } from "../lifecycle/live-session.ts";

/**
 * Opens a file as the sandboxed code would, so that a symlink out of the workspace is seen wherever it stands in the path. Errors: `invalid_path`
 * when it leads out or is no file; `not_found`.
 */
export async function checkInWorkspace(session: LiveSession, path: string): Promise<void> {
  try {
    for await (const _byte of session.bench.sandbox.files.read(path, { within: "workspace", limit: 1 })) break;
  } catch (error) {
    if (!isGloveboxError(error, "invalid_argument")) throw error;
    throw new GloveboxError("invalid_path", error.message, { details: { path }, cause: error });
  }
}
