import { spawn } from "node:child_process";
import { once } from "node:events";
import type { FileHandle } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { GloveboxError } from "../../core/index.ts";
import { nativeTools } from "../native/index.ts";

/** A part of a file that holds data, bytes; `end` is behind it. */
export interface Extent {
  readonly offset: number;
  readonly end: number;
}

/** Where a file holds data, in order; the rest of it are holes. Errors: `store_failed`, and the signal's reason. */
export async function extentsOf(file: FileHandle, signal?: AbortSignal): Promise<readonly Extent[]> {
  const { extents } = await nativeTools();
  signal?.throwIfAborted();
  const child = spawn(extents, { stdio: [file.fd, "pipe", "ignore"], env: {}, ...(signal ? { signal } : {}) });
  const said = child.stdout === null ? "" : text(child.stdout);
  const [lines, [code]] = await Promise.all([said, once(child, "close")]);
  if (code !== 0) throw new GloveboxError("store_failed", "where a file holds data cannot be told");
  return lines
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [offset = Number.NaN, end = Number.NaN] = line.split(" ").map(Number);
      return { offset, end };
    });
}
