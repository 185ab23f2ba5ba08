import { fstatSync } from "node:fs";

/** Whether something was given to us to read: a pipe, a socket or a file, but no terminal and no /dev/null. */
export function stdinIsGiven(): boolean {
  try {
    const stat = fstatSync(0);
    return stat.isFIFO() || stat.isSocket() || stat.isFile();
  } catch {
    return false; // closed
  }
}

/** What comes in on stdin, until it ends. Leaving the loop early lets this process end. */
export async function* stdinChunks(): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of process.stdin) yield chunk as Uint8Array;
  } finally {
    process.stdin.destroy();
  }
}

/** All of stdin as text; more than `maxBytes` is refused. */
export async function readStdinText(maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stdinChunks()) {
    size += chunk.length;
    if (size > maxBytes) throw new Error(`stdin holds more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
