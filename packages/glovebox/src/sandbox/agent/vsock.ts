import type { Socket } from "node:net";
import { GloveboxError } from "../../core/index.ts";

/** `OK 4294967295\n` and some room. */
const MOST_LINE = 32;
const NEWLINE = 0x0a;

/**
 * Has Firecracker, on whose socket `socket` is, connect it to `port` in its guest: says so, and waits for `OK` with the host's own port. What follows is the guest's. Errors:
 * `unavailable` (nobody listens there, which it says by hanging up), `internal` (what answers is something else).
 */
export function openVsock(socket: Socket, port: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let held: Buffer = Buffer.alloc(0);
    const settle = (error?: GloveboxError) => {
      socket.off("data", hear).off("error", broken).off("close", broken);
      signal.removeEventListener("abort", broken);
      if (!error) return resolve();
      socket.destroy();
      reject(error);
    };
    const broken = () => settle(new GloveboxError("unavailable", `nobody listens on port ${port} of the guest`));
    const hear = (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      const end = held.indexOf(NEWLINE);
      const line = held.toString("latin1", 0, end < 0 ? held.length : end);
      if (end < 0 ? held.length < MOST_LINE : /^OK \d{1,10}$/.test(line)) {
        if (end < 0) return;
        const rest = held.subarray(end + 1);
        socket.pause();
        settle();
        if (rest.length > 0) socket.unshift(rest);
        return;
      }
      settle(new GloveboxError("internal", "what answers on the guest's socket is not Firecracker"));
    };
    socket.on("data", hear).on("error", broken).on("close", broken);
    signal.addEventListener("abort", broken, { once: true });
    if (signal.aborted) broken();
    else socket.write(`CONNECT ${port}\n`);
  });
}
