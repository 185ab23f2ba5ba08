import { charClass } from "./char-class.ts";
import type { Chars } from "./chars.ts";
import type { Finder, Span } from "./spans.ts";

const LOCAL = charClass("A-Za-z0-9._%+-");
const DOMAIN = charClass("A-Za-z0-9.-");
/** RFC 5321, 4.5.3.1: the most before and after the `@`. */
const MAX_LOCAL = 64;
const MAX_DOMAIN = 255;
const DOMAIN_END =
  /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*\.[A-Za-z]{2,}/;

/**
 * Finds e-mail addresses. Other than a secret, an address is told only after it began: so the last word of what came waits for what
 * follows it, prompts included.
 */
export class EmailFinder implements Finder {
  #at = 0;
  /** Where the last address ended. */
  #over = 0;

  get keepFrom(): number {
    return this.#at;
  }

  advance(text: Chars, base: number, final: boolean, spans: Span[]): number {
    const end = text.length;
    let at = this.#at - base;
    for (;;) {
      const sign = text.text.indexOf("@", at);
      if (sign === -1) break;
      const start = localStart(text, sign, Math.max(0, this.#over - base));
      let last = sign + 1;
      while (last < end && last - sign <= MAX_DOMAIN && DOMAIN[text.charCodeAt(last)] === 1) last += 1;
      if (last === end && last - sign <= MAX_DOMAIN && start < sign && !final) {
        this.#at = base + start;
        return this.#at;
      }
      at = sign + 1;
      const domain = start === sign ? null : DOMAIN_END.exec(text.slice(sign + 1, last));
      if (domain === null) continue;
      at += domain[0].length;
      spans.push({ from: base + start, to: base + at });
      this.#over = base + at;
    }
    this.#at = base + (final ? end : localStart(text, end, Math.max(at, this.#over - base)));
    return this.#at;
  }
}

/** Where the word begins that ends at `end`, no further back than `least`. */
function localStart(text: Chars, end: number, least: number): number {
  let start = end;
  while (start > least && end - start < MAX_LOCAL && LOCAL[text.charCodeAt(start - 1)] === 1) start -= 1;
  return start;
}
