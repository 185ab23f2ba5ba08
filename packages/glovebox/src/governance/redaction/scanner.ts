import type { Chars } from "./chars.ts";
import { type Candidate, detect, LOOK_BACK, nextTrigger } from "./detect.ts";
import { match, type Rest } from "./match.ts";
import { type Finder, MASK, type Span } from "./spans.ts";

const PEM_END = "-----END";
/** The most of a PEM block that is masked while its end does not come. */
const MAX_PEM = 64 * 1024;
const MAX_BLANKS = 8;
const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;

type State =
  | { readonly kind: "text" }
  | { readonly kind: "candidate"; readonly candidate: Candidate }
  /** Within a secret whose beginning is masked already. */
  | { readonly kind: "rest"; readonly rest: Exclude<Rest, undefined> }
  | { readonly kind: "pem"; readonly seen: number };

const TEXT: State = { kind: "text" };

/** How far a state got. `wait`: the text at hand does not tell what follows `at`. */
interface Step {
  readonly at: number;
  readonly state: State;
  readonly wait?: true;
  readonly masked?: true;
}

/**
 * Finds secrets by their shape. What a secret is told by (`ghp_`, `password=`) is given out at once, so only the characters that may be
 * the secret itself wait, and never more than about a thousand of them. Every decision rests on the characters alone, and no character
 * is looked at more often than a constant number of times.
 */
export class Scanner implements Finder {
  readonly #words: boolean;
  #at = 0;
  #state: State = TEXT;

  /** `words`: mere words that are assigned to the name of a secret count as secrets. */
  constructor(options: { readonly words: boolean }) {
    this.#words = options.words;
  }

  get keepFrom(): number {
    return this.#at - LOOK_BACK;
  }

  advance(text: Chars, base: number, final: boolean, spans: Span[]): number {
    const end = text.length;
    let at = this.#at - base;
    let state = this.#state;
    while (at < end) {
      if (state.kind === "text") {
        at = nextTrigger(text, at, end);
        if (at === end) break;
        const candidate = detect(text, at);
        at += 1;
        if (candidate !== undefined) state = candidateState(candidate);
        continue;
      }
      const step = advanceState(state, text, at, end, final, this.#words);
      if (step.masked === true && step.at > at) spans.push({ from: base + at, to: base + step.at });
      at = step.at;
      state = step.state;
      if (step.wait === true) break;
    }
    this.#at = base + at;
    this.#state = state;
    return this.#at;
  }
}

function advanceState(
  state: Exclude<State, { readonly kind: "text" }>,
  text: Chars,
  at: number,
  end: number,
  final: boolean,
  words: boolean,
): Step {
  switch (state.kind) {
    case "candidate":
      return decide(state, text, at, end, final, words);
    case "rest":
      return passRest(state, text, at, end, final);
    case "pem":
      return passPem(state, text, at, end, final);
  }
}

function decide(
  state: State & { readonly kind: "candidate" },
  text: Chars,
  at: number,
  end: number,
  final: boolean,
  words: boolean,
): Step {
  const { candidate } = state;
  if (candidate.kind === "gap") return passGap(candidate, text, at, end, words);
  if (candidate.kind === "pem") return beginPem(state, text, at, end, final);
  const found = match(candidate, text, at, end, final);
  if (found === "undecided") return { at, state, wait: true };
  if (found === "no") return { at, state: TEXT };
  return { at: found.end, state: found.rest === undefined ? TEXT : { kind: "rest", rest: found.rest }, masked: true };
}

/** Between the separator and the value: blanks, the rest of `=>`, `:=` or `==`, and a quote. All of it is given out. */
function passGap(
  gap: Candidate & { readonly kind: "gap" },
  text: Chars,
  from: number,
  end: number,
  words: boolean,
): Step {
  let { blanks, slash } = gap;
  let at = from;
  for (; at < end && blanks < MAX_BLANKS; at += 1, blanks += 1) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x09 && code !== 0x3d && code !== 0x3e && code !== BACKSLASH) break;
    slash = code === BACKSLASH;
  }
  if (at === end) return { at, state: candidateState({ kind: "gap", bare: gap.bare, blanks, slash }) };
  const code = text.charCodeAt(at);
  if (code === 0x22 || code === 0x27 || code === 0x60) {
    return { at: at + 1, state: candidateState({ kind: "quoted", quote: code, escaped: slash }) };
  }
  if (gap.bare.kind === "cookies") return { at, state: candidateState(gap.bare) };
  const environment = words || (blanks === 0 && gap.bare.environment);
  return { at, state: candidateState({ kind: "bare", environment }) };
}

function candidateState(candidate: Candidate): State {
  return { kind: "candidate", candidate };
}

/** Up to the closing quote or the line's end, or as long as a class of characters goes on. */
function passRest(
  state: State & { readonly kind: "rest" },
  text: Chars,
  from: number,
  end: number,
  final: boolean,
): Step {
  const { rest } = state;
  let at = from;
  if ("chars" in rest) {
    while (at < end && rest.chars[text.charCodeAt(at)] === 1) at += 1;
    return { at, state: at < end ? TEXT : state, masked: true };
  }
  for (; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code === NEWLINE || (code === rest.quote && !rest.escaped)) return { at, state: TEXT, masked: true };
    if (code !== BACKSLASH) continue;
    if (at + 1 === end && !final) return { at, state, masked: true, wait: true };
    if (rest.escaped && text.charCodeAt(at + 1) === rest.quote) return { at, state: TEXT, masked: true };
    at += 1;
  }
  return { at: Math.min(at, end), state, masked: true };
}

/** A block whose inside is masked already is left as it is, so that masking twice is masking once. */
function beginPem(state: State, text: Chars, at: number, end: number, final: boolean): Step {
  const seen = Math.min(MASK.length, end - at);
  if (!text.startsWith(MASK.slice(0, seen), at)) return { at, state: { kind: "pem", seen: 0 } };
  if (seen < MASK.length && !final) return { at, state, wait: true };
  return { at, state: seen === MASK.length ? TEXT : { kind: "pem", seen: 0 } };
}

function passPem(
  state: State & { readonly kind: "pem" },
  text: Chars,
  from: number,
  end: number,
  final: boolean,
): Step {
  const most = Math.min(end, from + MAX_PEM - state.seen);
  const found = text.slice(from, most).indexOf(PEM_END);
  if (found !== -1) return { at: from + found, state: TEXT, masked: true };
  if (most < end) return { at: most, state: TEXT, masked: true };
  const tail = final ? end : partialEnd(text, from, end);
  const pem: State = { kind: "pem", seen: state.seen + (tail - from) };
  return tail < end ? { at: tail, state: pem, masked: true, wait: true } : { at: tail, state: pem, masked: true };
}

/** Where a beginning of {@link PEM_END} starts at the very end of the text, or `end`. */
function partialEnd(text: Chars, from: number, end: number): number {
  for (let length = Math.min(PEM_END.length - 1, end - from); length > 0; length -= 1) {
    if (PEM_END.startsWith(text.slice(end - length, end))) return end - length;
  }
  return end;
}
