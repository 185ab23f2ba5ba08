import { Transform, type TransformCallback } from "node:stream";
import type { ByteMatcher } from "./byte-matcher.ts";

/** A needle that must not pass was found. */
export class ForbiddenBytes extends Error {
  override readonly name = "ForbiddenBytes";
}

/** Replaces needles in bytes that arrive in pieces. Where needles overlap, the leftmost counts, and of those the longest. */
export interface Replacer {
  /** Gives what is certain by now; at most the longest needle less one byte is held back. Throws {@link ForbiddenBytes}. */
  push(chunk: Buffer): Buffer;
  /** Gives what was held back. Throws {@link ForbiddenBytes}. */
  flush(): Buffer;
}

interface Candidate {
  readonly start: number;
  readonly end: number;
  readonly needle: number;
}

/** `onFound` gets the name of each needle that is replaced. */
export function createReplacer(matcher: ByteMatcher, onFound: (name: string) => void = () => {}): Replacer {
  let held: Buffer = Buffer.alloc(0);
  const run = (chunk: Buffer, atEnd: boolean): Buffer => {
    const text = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    const out: Buffer[] = [];
    const rest = scan(matcher, text, atEnd, out, onFound);
    held = Buffer.from(text.subarray(rest));
    return out.length === 1 ? (out[0] as Buffer) : Buffer.concat(out);
  };
  return { push: (chunk) => run(chunk, false), flush: () => run(Buffer.alloc(0), true) };
}

/** Puts what is certain into `out` and gives the index from which bytes are held back. */
function scan(
  matcher: ByteMatcher,
  text: Buffer,
  atEnd: boolean,
  out: Buffer[],
  onFound: (name: string) => void,
): number {
  let [state, done, at] = [matcher.start, 0, 0];
  let candidate: Candidate | undefined;
  while (true) {
    const settled = candidate !== undefined && isSettled(matcher, state, at, candidate, atEnd && at === text.length);
    if (candidate !== undefined && settled) {
      const { replace, name } = matcher.needles[candidate.needle] ?? {};
      if (candidate.start > done) out.push(text.subarray(done, candidate.start));
      if (replace !== undefined) out.push(replace);
      if (name !== undefined) onFound(name);
      done = candidate.end;
      at = candidate.end;
      state = matcher.start;
      candidate = undefined;
      continue;
    }
    if (at === text.length) break;
    state = matcher.next(state, text[at] as number);
    at += 1;
    const needle = matcher.match(state);
    if (needle === -1) continue;
    if (matcher.needles[needle]?.replace === undefined) throw new ForbiddenBytes("found what must not pass");
    const start = at - (matcher.needles[needle]?.find.length ?? 0);
    if (candidate === undefined || start <= candidate.start) candidate = { start, end: at, needle };
  }
  // A candidate that may still grow begins where the state's own text does, so that holding back its depth holds all of it.
  const hold = atEnd ? 0 : Math.max(matcher.depth(state), candidate === undefined ? 0 : at - candidate.start);
  if (text.length - hold > done) out.push(text.subarray(done, text.length - hold));
  return Math.max(done, text.length - hold);
}

/** Whether no longer needle can begin where the candidate does, or before. */
function isSettled(matcher: ByteMatcher, state: number, at: number, { start }: Candidate, isLast: boolean): boolean {
  const begins = at - matcher.depth(state);
  return isLast || begins > start || (begins === start && !matcher.grows(state));
}

/** {@link createReplacer} over a whole. */
export function replaceAll(matcher: ByteMatcher, text: Buffer): Buffer {
  const replacer = createReplacer(matcher);
  return Buffer.concat([replacer.push(text), replacer.flush()]);
}

/** Whether any needle is in `text`. */
export function contains(matcher: ByteMatcher, text: Buffer): boolean {
  let state = matcher.start;
  for (const byte of text) {
    state = matcher.next(state, byte);
    if (matcher.match(state) !== -1) return true;
  }
  return false;
}

/** {@link createReplacer} as a stream; it fails with {@link ForbiddenBytes}. */
export class ReplaceStream extends Transform {
  readonly #replacer: Replacer;

  constructor(matcher: ByteMatcher, onFound?: (name: string) => void) {
    super();
    this.#replacer = createReplacer(matcher, onFound);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    settle(done, () => this.#replacer.push(chunk));
  }

  override _flush(done: TransformCallback): void {
    settle(done, () => this.#replacer.flush());
  }
}

function settle(done: TransformCallback, work: () => Buffer): void {
  let bytes: Buffer;
  try {
    bytes = work();
  } catch (error) {
    done(error instanceof Error ? error : new Error("replacing failed"));
    return;
  }
  done(null, bytes.length === 0 ? undefined : bytes);
}
