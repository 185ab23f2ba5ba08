import { GloveboxError } from "../../core/index.ts";
import type { SandboxBench } from "../../runs/index.ts";

const MAX_SMALL_BYTES = 1_048_576;

/** A file of the sandbox as text, when it has 1 MiB or less. */
export async function readSmall(bench: SandboxBench, path: string): Promise<string> {
  const files = await bench.files();
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of files.read(path, { limit: MAX_SMALL_BYTES + 1, signal: bench.signal })) {
    pieces.push(piece);
    size += piece.length;
  }
  if (size > MAX_SMALL_BYTES)
    throw new GloveboxError("payload_too_large", `${path} has more than ${MAX_SMALL_BYTES} bytes`);
  return Buffer.concat(pieces).toString("utf8");
}
