import { write } from "node:fs";
import type { StoredEvent } from "../../core/index.ts";

/** What of an event belongs on the program's stdout or stderr, as bytes: output as it is, console calls as lines, errors with their stack. */
export function programOutput(
  event: Pick<StoredEvent, "type" | "payload">,
): { readonly fd: 1 | 2; readonly bytes: Uint8Array } | undefined {
  const { type, payload } = event as StoredEvent;
  switch (type) {
    case "stdout":
    case "stderr":
      return {
        fd: type === "stdout" ? 1 : 2,
        bytes: "text" in payload ? Buffer.from(payload.text) : Buffer.from(payload.base64, "base64"),
      };
    case "console":
      return {
        fd: payload.level === "warn" || payload.level === "error" ? 2 : 1,
        bytes: Buffer.from(`${payload.text}\n`),
      };
    case "exception":
      // A program that ends with a code of its own has said by it what there is to say.
      if (payload.name === "KernelExited" || payload.name === "SystemExit") return undefined;
      return { fd: 2, bytes: Buffer.from(`${payload.stack?.trimEnd() ?? `${payload.name}: ${payload.message}`}\n`) };
    default:
      return undefined;
  }
}

/** The reader of our output has gone (`| head`). */
export class BrokenPipe extends Error {
  override readonly name = "BrokenPipe";
}

/**
 * Writes all of `bytes` to a file descriptor and resolves when the system has taken them: a slow reader slows the program, nothing
 * is left unwritten at the end, and Ctrl-C is heard even while the reader stands still (the streams of `process` would block).
 */
export async function writeFully(fd: 1 | 2, bytes: Uint8Array): Promise<void> {
  let at = 0;
  let pauseMs = 1;
  while (at < bytes.length) {
    const result = await writeSome(fd, bytes.subarray(at));
    if (typeof result === "number") {
      at += result;
      pauseMs = 1;
    } else if (result.code === "EPIPE") throw new BrokenPipe("nobody reads the output");
    else if (result.code === "EAGAIN") {
      // A pipe that another process made non-blocking is full.
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      pauseMs = Math.min(20, pauseMs * 2);
    } else throw result;
  }
}

function writeSome(fd: number, bytes: Uint8Array): Promise<number | NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    write(fd, bytes, (error, written) => resolve(error ?? written));
  });
}
