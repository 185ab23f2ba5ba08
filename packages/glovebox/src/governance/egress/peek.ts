import type { Duplex } from "node:stream";

/** What `look` makes of the bytes so far: a result, or `undefined` for more. */
export type Look<T> = (bytes: Buffer) => T | undefined;

export interface PeekOptions {
  /** Milliseconds to wait for. */
  readonly timeoutMs: number;
  /** `look` must come to a result within so many bytes. */
  readonly maxBytes: number;
}

/**
 * Looks at the first bytes of a stream and leaves them in it. `undefined` when the stream ends or closes before `look` comes to a result, the time is over, or
 * there are too many bytes. The stream must not flow yet.
 */
export function peek<T>(stream: Duplex, look: Look<T>, { timeoutMs, maxBytes }: PeekOptions): Promise<T | undefined> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.readableEnded) {
      resolve(undefined);
      return;
    }
    let seen: Buffer = Buffer.alloc(0);
    const settle = (result: T | undefined) => {
      clearTimeout(timer);
      stream.off("readable", onReadable).off("end", onEnd).off("close", onEnd).off("error", onEnd);
      if (seen.length > 0 && !stream.destroyed && !stream.readableEnded) stream.unshift(seen);
      resolve(result);
    };
    const timer = setTimeout(() => settle(undefined), timeoutMs);
    const onEnd = () => settle(undefined);
    const onReadable = () => {
      const chunk: Buffer | null = stream.read();
      if (chunk === null) return;
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const result = look(seen);
      if (result !== undefined || seen.length > maxBytes) settle(result);
    };
    stream.on("readable", onReadable).on("end", onEnd).on("close", onEnd).on("error", onEnd);
  });
}
