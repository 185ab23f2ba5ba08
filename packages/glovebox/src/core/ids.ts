import { randomFillSync } from "node:crypto";

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

let lastMs = 0;
let counter = 0;
const random = new Uint8Array(4096);
let randomAt = random.length;

/**
 * A new UUIDv7 (RFC 9562, method 1: a 12-bit counter in `rand_a`), strictly increasing within this
 * process even when the wall clock stands still or jumps backwards.
 */
export function newId(nowMs: number = Date.now()): string {
  if (nowMs > lastMs) {
    lastMs = nowMs;
    counter = 0;
  } else {
    counter += 1;
    if (counter > 0xfff) {
      lastMs += 1;
      counter = 0;
    }
  }
  if (randomAt + 8 > random.length) {
    randomFillSync(random);
    randomAt = 0;
  }
  const time = lastMs.toString(16).padStart(12, "0");
  const tail = Buffer.from(random.subarray(randomAt, randomAt + 8));
  randomAt += 8;
  tail[0] = ((tail[0] ?? 0) & 0x3f) | 0x80;
  const hex = tail.toString("hex");
  const seq = counter.toString(16).padStart(3, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${seq}-${hex.slice(0, 4)}-${hex.slice(4)}`;
}

/** Tells whether `text` is a UUIDv7 in its canonical lower-case form. */
export function isId(text: string): boolean {
  return UUID_V7.test(text);
}

/** The creation time (milliseconds since the epoch) that an id made by {@link newId} carries. */
export function idTimeMs(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
