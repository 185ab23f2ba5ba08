import { setImmediate } from "node:timers/promises";
import type { Redactor } from "../../../core/index.ts";

/** UTF-16 units that are masked at once, some milliseconds' work; then others have their turn. */
const PIECE = 65_536;

/**
 * The text masked, as `redactor.redact` does it, without holding the process up; of what comes out at most `maxLength` units. Rejects
 * with the signal's reason when it aborts.
 */
export async function maskText(
  redactor: Redactor,
  text: string,
  signal: AbortSignal,
  maxLength = Number.POSITIVE_INFINITY,
): Promise<string> {
  const stream = redactor.stream();
  const out: string[] = [];
  let length = 0;
  for (let at = 0; at < text.length && length < maxLength; at += PIECE) {
    if (at > 0) await setImmediate();
    signal.throwIfAborted();
    const masked = stream.push(text.slice(at, at + PIECE));
    out.push(masked);
    length += masked.length;
  }
  out.push(stream.flush());
  const whole = out.join("");
  return whole.length > maxLength ? whole.slice(0, maxLength) : whole;
}
