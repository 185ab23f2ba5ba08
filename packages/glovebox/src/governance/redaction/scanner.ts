import type { Chars } from "./chars.ts";
import { type Candidate, detect, ENVIRONMENT, LOOK_BACK, nextTrigger, WORD_OR_VALUE } from "./detect.ts";
import { match, type Rest, type Value } from "./match.ts";
import { type Finder, MASK, type Span } from "./spans.ts";

const PEM_END = "-----END";
/** The most of a PEM block that is masked while its end does not come. */
const MAX_PEM = 64 * 1024;
const MAX_BLANKS = 8;
const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;

type State =
  | { readonly kind: "text" }
  | Candidate
  /** Within a secret whose beginning is masked already. */
  | { readonly kind: "rest"; readonly rest: Exclude<Rest, undefined> }
  | { readonly kind: "pem-body"; readonly seen: number };

const TEXT: State = { kind: "text" };
const PEM_BODY: State = { kind: "pem-body", seen: 0 };

/**
 * Finds secrets by their shape. What a secret is told by (`ghp_`, `password=`) is given out at once, so only the characters that may be
 * the secret itself wait, and never more than about a thousand of them. Every decision rests on the characters alone, and no character
 * is looked at more often than a constant number of times.
 */
export class Scanner implements Finder {
  readonly #words: boolean;
  /** Decided up to here, counted from the stream's beginning. */
  #decided = 0;
  #state: State = TEXT;
  /** The text at hand, for one call of {@link advance}: where it begins and ends, and where we are in it. */
  #base = 0;
  #end = 0;
  #at = 0;
  #final = false;
  /** The text at hand does not tell what follows. */
  #waits = false;

  /** `words`: mere words that are assigned to the name of a secret count as secrets. */
  constructor(options: { readonly words: boolean }) {
    this.#words = options.words;
  }

  get keepFrom(): number {
    return this.#decided - LOOK_BACK;
  }

  advance(text: Chars, base: number, final: boolean, spans: Span[]): number {
    this.#base = base;
    this.#end = text.length;
    this.#at = this.#decided - base;
    this.#final = final;
    this.#waits = false;
    while (this.#at < this.#end && !this.#waits) this.#step(text, spans);
    this.#decided = base + this.#at;
    return this.#decided;
  }

  #step(text: Chars, spans: Span[]): void {
    const state = this.#state;
    if (state.kind === "text") this.#passText(text);
    else if (state.kind === "gap") this.#passGap(state, text);
    else if (state.kind === "pem") this.#beginPem(text);
    else if (state.kind === "rest") this.#mask(this.#restEnd(state.rest, text), spans);
    else if (state.kind === "pem-body") this.#mask(this.#pemEnd(state.seen, text), spans);
    else this.#decide(state, text, spans);
  }

  #mask(to: number, spans: Span[]): void {
    if (to > this.#at) spans.push({ from: this.#base + this.#at, to: this.#base + to });
    this.#at = to;
  }

  #passText(text: Chars): void {
    const at = nextTrigger(text, this.#at, this.#end);
    if (at < this.#end) this.#state = detect(text, at) ?? TEXT;
    this.#at = Math.min(at + 1, this.#end);
  }

  #decide(candidate: Value, text: Chars, spans: Span[]): void {
    const found = match(candidate, text, this.#at, this.#end, this.#final);
    if (found === "undecided") {
      this.#waits = true;
      return;
    }
    this.#state = TEXT;
    if (found === "no") return;
    if (found.rest !== undefined) this.#state = { kind: "rest", rest: found.rest };
    this.#mask(found.end, spans);
  }

  /** Between the separator and the value: blanks, the rest of `=>`, `:=` or `==`, and a quote. All of it is given out. */
  #passGap(gap: Candidate & { readonly kind: "gap" }, text: Chars): void {
    let { blanks, slash } = gap;
    let at = this.#at;
    for (; at < this.#end && blanks < MAX_BLANKS; at += 1, blanks += 1) {
      const code = text.charCodeAt(at);
      if (code !== 0x20 && code !== 0x09 && code !== 0x3d && code !== 0x3e && code !== BACKSLASH) break;
      slash = code === BACKSLASH;
    }
    this.#at = at;
    if (at === this.#end) {
      this.#state = { kind: "gap", bare: gap.bare, blanks, slash };
      return;
    }
    const code = text.charCodeAt(at);
    if (code === 0x22 || code === 0x27 || code === 0x60) {
      this.#at += 1;
      this.#state = { kind: "quoted", quote: code, escaped: slash };
    } else if (gap.bare.kind === "cookies") this.#state = gap.bare;
    else this.#state = this.#words || (blanks === 0 && gap.bare.environment) ? ENVIRONMENT : WORD_OR_VALUE;
  }

  /** Up to the closing quote or the line's end, or as long as a class of characters goes on. */
  #restEnd(rest: Exclude<Rest, undefined>, text: Chars): number {
    const end = this.#end;
    let at = this.#at;
    if ("chars" in rest) {
      while (at < end && rest.chars[text.charCodeAt(at)] === 1) at += 1;
      if (at < end) this.#state = TEXT;
      return at;
    }
    for (; at < end; at += 1) {
      const code = text.charCodeAt(at);
      if (code === NEWLINE || (code === rest.quote && !rest.escaped)) break;
      if (code !== BACKSLASH) continue;
      if (at + 1 === end && !this.#final) {
        this.#waits = true;
        return at;
      }
      if (rest.escaped && text.charCodeAt(at + 1) === rest.quote) break;
      at += 1;
    }
    if (at < end) this.#state = TEXT;
    return Math.min(at, end);
  }

  /** A block whose inside is masked already is left as it is, so that masking twice is masking once. */
  #beginPem(text: Chars): void {
    const seen = text.slice(this.#at, Math.min(this.#end, this.#at + MASK.length));
    if (seen === MASK) this.#state = TEXT;
    else if (this.#final || !MASK.startsWith(seen)) this.#state = PEM_BODY;
    else this.#waits = true;
  }

  #pemEnd(seen: number, text: Chars): number {
    const from = this.#at;
    const most = Math.min(this.#end, from + MAX_PEM - seen);
    const found = text.slice(from, most).indexOf(PEM_END);
    if (found !== -1 || most < this.#end) {
      this.#state = TEXT;
      return found === -1 ? most : from + found;
    }
    const tail = this.#final ? most : partialEnd(text, from, most);
    this.#waits = tail < most;
    this.#state = { kind: "pem-body", seen: seen + (tail - from) };
    return tail;
  }
}

/** Where a beginning of {@link PEM_END} starts at the very end of the text, or `end`. */
function partialEnd(text: Chars, from: number, end: number): number {
  for (let length = Math.min(PEM_END.length - 1, end - from); length > 0; length -= 1) {
    if (PEM_END.startsWith(text.slice(end - length, end))) return end - length;
  }
  return end;
}
