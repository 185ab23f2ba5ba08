/**
 * The words of the memory that a kernel's worker shares with the server: the only way to reach a worker while it
 * runs untrusted code. Each is written by one side only, as named.
 */
export const WORD = {
  /** Server: the serial number of the request to interrupt. The worker compares it with the one that it runs. */
  interrupt: 0,
  /** Server: counts up whenever something that a worker may wait for has changed. */
  wake: 1,
  /** Server: bytes of each stream that the reader has committed, modulo 2^32. */
  ackedStdout: 2,
  ackedStderr: 3,
  ackedControl: 4,
  /** Worker: pages (64 KiB) of its WebAssembly memory. */
  memoryPages: 5,
  /** Worker: 1 once memory ran out. */
  outOfMemory: 6,
  /** Nobody: where a worker that must not go on waits to be terminated. */
  never: 7,
} as const;

export const WORD_COUNT = 8;

/** Bytes of WebAssembly memory per page. */
export const PAGE_BYTES = 65_536;

export function newWords(count: number = WORD_COUNT): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(count * 4));
}
