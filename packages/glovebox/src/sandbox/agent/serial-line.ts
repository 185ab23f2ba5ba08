import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { GloveboxError } from "../../core/index.ts";

const KEY_BYTES = 16;
/** What an agent may have been sending to the connection before, at most: its buffer and the line's. */
const MAX_STALE_BYTES = 8 << 20;

/** A key for the connections to one machine. Its first byte is not in the rest: the agent's search relies on that. */
export function newLineKey(): Buffer {
  for (;;) {
    const key = randomBytes(KEY_BYTES);
    if (key.indexOf(key[0] ?? 0, 1) === -1) return key;
  }
}

/**
 * Begins a connection over a serial line, which has none of its own: sends the key and a fresh word, and drops what comes until the
 * agent says that word ("Over a serial line" in docs/reference/agent-protocol.md). Errors: `unavailable`, `internal` when no word comes
 * in all that a line can hold.
 */
export function openLine(socket: Socket, key: Buffer, signal: AbortSignal): Promise<void> {
  const word = randomBytes(KEY_BYTES);
  return new Promise((resolve, reject) => {
    let held: Buffer = Buffer.alloc(0);
    let dropped = 0;
    const settle = (error?: GloveboxError) => {
      socket.off("data", hear).off("error", broken).off("close", broken);
      signal.removeEventListener("abort", broken);
      if (error) reject(error);
      else resolve();
    };
    const broken = () => settle(new GloveboxError("unavailable", "the line to the agent broke"));
    const hear = (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      const at = held.indexOf(word);
      if (at >= 0) {
        const rest = held.subarray(at + KEY_BYTES);
        socket.pause();
        settle();
        if (rest.length > 0) socket.unshift(rest);
        return;
      }
      const keep = Math.min(held.length, KEY_BYTES - 1);
      dropped += held.length - keep;
      held = held.subarray(held.length - keep);
      if (dropped > MAX_STALE_BYTES) settle(new GloveboxError("internal", "what answers on the line is no agent"));
    };
    socket.on("data", hear).on("error", broken).on("close", broken);
    signal.addEventListener("abort", broken, { once: true });
    if (signal.aborted) broken();
    socket.write(Buffer.concat([key, word]));
  });
}
