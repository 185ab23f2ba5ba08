import { coloursFor } from "./colours.ts";
import { bytesText, durationText } from "./units.ts";

/** Work that takes less than this shows nothing. */
const QUIET_MS = 1000;
const FRAME_MS = 100;
const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const BAR = 24;

/** Does the work; tells on a terminal's stderr that it goes on, once it has taken a second. */
export async function withSpinner<T>(text: string, work: () => Promise<T>): Promise<T> {
  const line = startLine((elapsedMs) => `${text}  ${durationText(elapsedMs)}`);
  try {
    return await work();
  } finally {
    line.stop();
  }
}

export interface ByteProgress extends Disposable {
  /** Bytes that went through since the last call. */
  add(bytes: number): void;
}

/** Bytes with their rate, and the time left where the total is known. */
export function byteProgress(text: string, total?: number): ByteProgress {
  let done = 0;
  const line = startLine((elapsedMs) => `${text}  ${progressText(done, total, elapsedMs)}`);
  return {
    add: (bytes) => {
      done += bytes;
    },
    [Symbol.dispose]: () => line.stop(),
  };
}

export interface ShareProgress extends Disposable {
  /** How much of the whole is done, 0 to 1, and what is being done. */
  set(share: number, what: string): void;
}

/** Work whose share is known. */
export function shareProgress(text: string): ShareProgress {
  let now = { share: 0, what: "" };
  const line = startLine((elapsedMs) => `${text}  ${shareText(now.share, now.what, elapsedMs)}`);
  return {
    set: (share, what) => {
      now = { share, what };
    },
    [Symbol.dispose]: () => line.stop(),
  };
}

/** `[█████     ] 42%  installing packages  20 s`. */
export function shareText(share: number, what: string, elapsedMs: number): string {
  return `${barText(share)} ${Math.floor(Math.min(1, share) * 100)}%  ${what}  ${durationText(elapsedMs)}`;
}

function barText(share: number): string {
  return `[${"█".repeat(Math.round(Math.min(1, share) * BAR)).padEnd(BAR)}]`;
}

/** `[█████     ] 42%  1.2 GiB of 2.8 GiB  80 MiB/s  20 s left`. */
export function progressText(done: number, total: number | undefined, elapsedMs: number): string {
  const perSecond = elapsedMs > 0 ? (done / elapsedMs) * 1000 : 0;
  const rate = `${bytesText(perSecond)}/s`;
  if (total === undefined || total <= 0) return `${bytesText(done)}  ${rate}`;
  const part = Math.min(1, done / total);
  const left = perSecond > 0 ? `${durationText(((total - done) / perSecond) * 1000)} left` : "";
  const percent = `${Math.floor(part * 100)}%`;
  return `${barText(part)} ${percent}  ${bytesText(done)} of ${bytesText(total)}  ${rate}  ${left}`.trimEnd();
}

/** Passes bytes through and counts them. */
export async function* counted(source: AsyncIterable<Uint8Array>, progress: ByteProgress): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    progress.add(chunk.length);
    yield chunk;
  }
}

function startLine(text: (elapsedMs: number) => string): { stop(): void } {
  if (process.stderr.isTTY !== true || process.env.TERM === "dumb") return { stop: () => {} };
  const colours = coloursFor(process.stderr);
  const from = performance.now();
  let frame = 0;
  let shown = false;
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - from;
    if (elapsedMs < QUIET_MS) return;
    shown = true;
    const width = Math.max(20, (process.stderr.columns ?? 80) - 3);
    process.stderr.write(
      `\r\x1b[K${colours.cyan(FRAMES[frame % FRAMES.length] ?? "")} ${text(elapsedMs).slice(0, width)}`,
    );
    frame += 1;
  }, FRAME_MS);
  timer.unref();
  return {
    stop: () => {
      clearInterval(timer);
      if (shown) process.stderr.write("\r\x1b[K");
    },
  };
}
