import { GloveboxError, isGloveboxError } from "../../../core/index.ts";
import type { SandboxFiles } from "../../files.ts";
import type { CallContext, CallResult } from "./call-context.ts";
import { invalid, workspacePath } from "./input.ts";

/** Bytes of a source file. */
const MAX_SOURCE = 4 * 1_048_576;
const MAX_CANDIDATES = 4096;

/** Reads the first of the paths that is a file of the workspace. `not_found` when none is. */
export async function loadFirst(context: CallContext, input: string): Promise<CallResult> {
  const paths: unknown = JSON.parse(input);
  if (!Array.isArray(paths) || paths.length > MAX_CANDIDATES) throw invalid("a list of paths is expected");
  const { files } = await context.helper();
  for (const asked of paths as unknown[]) {
    const path = workspacePath(asked);
    try {
      const { kind } = await files.stat(path, { within: "workspace", signal: context.signal });
      if (kind === "dir") continue;
      const bytes = await readAll(files, path, MAX_SOURCE, context.signal);
      return { json: JSON.stringify(path), bytes };
    } catch (error) {
      if (!isGloveboxError(error, "not_found")) throw error;
    }
  }
  throw new GloveboxError("not_found", `no such file: ${String(paths[0]).slice(0, 200)}`);
}

/** A whole file of the workspace. `payload_too_large` above `max` bytes. */
export async function readAll(
  files: SandboxFiles,
  path: string,
  max: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of files.read(path, { within: "workspace", limit: max + 1, signal })) {
    size += piece.length;
    pieces.push(piece);
    if (size > max) throw new GloveboxError("payload_too_large", `the file is larger than ${max} bytes`);
  }
  return Buffer.concat(pieces);
}
