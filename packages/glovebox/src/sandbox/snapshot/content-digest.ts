import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { type Extent, extentsOf } from "./extents.ts";

/** Bytes that are looked at together. Part of what the digest means. */
const BLOCK = 65_536;
const READ = 16 * BLOCK;
/** What `st_blocks` counts. */
const STAT_BLOCK = 512;
const ZERO = Buffer.alloc(BLOCK);

/**
 * SHA-256, hex, of all blocks of 64 KiB of a file that hold anything but zeros, each after its offset, and of the file's length: says as much as one over every byte, and
 * a disk of a gibibyte that is nearly empty takes milliseconds instead of seconds, because holes are not read. Errors: those of the file system, `store_failed`, the signal's reason.
 */
export async function contentDigest(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const header = Buffer.alloc(8);
  const buffer = Buffer.allocUnsafe(READ);
  await using file = await open(path, "r");
  const { size, blocks } = await file.stat();
  // One without holes, or too small for them to matter, is read as it is: asking for them takes a process.
  const whole = size <= READ || blocks * STAT_BLOCK >= size;
  const extents = whole ? [{ offset: 0, end: size }] : await extentsOf(file, signal);
  for (const { offset, end } of wholeBlocks(extents, size)) {
    for (let from = offset; from < end; from += READ) {
      signal?.throwIfAborted();
      const piece = await filled(file, buffer.subarray(0, Math.min(READ, end - from)), from);
      for (let at = 0; at < piece.length; at += BLOCK) {
        const block = piece.subarray(at, Math.min(at + BLOCK, piece.length));
        // A hole and zeros that were written are the same content.
        if (block.equals(block.length === BLOCK ? ZERO : ZERO.subarray(0, block.length))) continue;
        header.writeBigUInt64LE(BigInt(from + at));
        hash.update(header).update(block);
      }
    }
  }
  header.writeBigUInt64LE(BigInt(size));
  return hash.update("length").update(header).digest("hex");
}

/** The extents widened to whole blocks, and joined where they meet then. */
function wholeBlocks(extents: readonly Extent[], size: number): Extent[] {
  const wide: Extent[] = [];
  for (const extent of extents) {
    const offset = Math.floor(extent.offset / BLOCK) * BLOCK;
    const end = Math.min(size, Math.ceil(extent.end / BLOCK) * BLOCK);
    const last = wide.at(-1);
    if (last !== undefined && offset <= last.end) wide[wide.length - 1] = { offset: last.offset, end };
    else wide.push({ offset, end });
  }
  return wide;
}

/** Reads until the buffer is full: blocks must not depend on how much one read gives. A file that became shorter has less. */
async function filled(file: FileHandle, buffer: Buffer, position: number): Promise<Buffer> {
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, position + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}
