import { type Candidate, detect, LOOK_BACK, nextTrigger } from "./detect.ts";
import { match, type Rest } from "./match.ts";

export const MASK = "[redacted]";

const PEM_END = "-----END";
/** The most of a PEM block that is masked while its end does not come. */
const MAX_PEM = 64 * 1024;
const MAX_BLANKS = 8;
const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;

type State =
  | { readonly kind: "text" }
  | { readonly kind: "candidate"; readonly candidate: Candidate }
  /** Within a secret that was masked already. */
  | {
      readonly kind: "rest";
      readonly rest: Exclude<Rest, undefined> /** The next character has a backslash before it. */;
      readonly slash: boolean;
    }
  | { readonly kind: "pem"; readonly seen: number };

const TEXT: State = { kind: "text" };

/**
 * Finds secrets in a text that comes in pieces. What a secret is told by (`ghp_`, `password=`) is given out at once, so only the
 * characters that may be the secret itself wait, and never more than about a thousand of them. How the text is cut into pieces makes no
 * difference to what comes out: every decision rests on the characters alone.
 */
export class Scanner {
  /** The end of what was given out already, for the rules that look back. */
  #behind = "";
  #held = "";
  #state: State = TEXT;

  get held(): string {
    return this.#held;
  }

  push(piece: string, final: boolean): string {
    const text = this.#behind + this.#held + piece;
    const end = text.length;
    let at = this.#behind.length;
    let out = "";
    let from = at;
    let state = this.#state;
    let holdFrom = end;

    while (at < end || (final && state.kind === "candidate")) {
      if (state.kind === "text") {
        at = nextTrigger(text, at, end);
        if (at === end) break;
        const candidate = detect(text, at);
        at += 1;
        if (candidate !== undefined) state = { kind: "candidate", candidate };
        continue;
      }
      if (state.kind === "candidate") {
        const step = decide(state.candidate, text, at, end, final);
        if (step.kind === "wait") {
          holdFrom = at;
          break;
        }
        if (step.kind === "masked") {
          out += text.slice(from, at) + MASK;
          at = step.at;
          from = at;
        } else at = step.at;
        state = step.state;
        continue;
      }
      const next: Passed = state.kind === "pem" ? passPem(state, text, at, end) : passRest(state, text, at, end);
      out += next.lead ?? "";
      at = next.at;
      from = at;
      state = next.state;
      if (next.wait) {
        holdFrom = at;
        break;
      }
    }
    const keep: number = final ? end : holdFrom;
    if (state.kind === "text" || state.kind === "candidate") out += text.slice(from, keep);
    this.#held = text.slice(keep);
    this.#behind = text.slice(Math.max(0, keep - LOOK_BACK), keep);
    this.#state = state;
    if (final) this.#reset();
    return out;
  }

  #reset(): void {
    this.#behind = "";
    this.#held = "";
    this.#state = TEXT;
  }
}

type Step =
  | { readonly kind: "wait" }
  | { readonly kind: "passed"; readonly at: number; readonly state: State }
  | { readonly kind: "masked"; readonly at: number; readonly state: State };

function decide(candidate: Candidate, text: string, at: number, end: number, final: boolean): Step {
  if (candidate.kind === "pem") return { kind: "masked", at, state: { kind: "pem", seen: 0 } };
  if (candidate.kind === "gap") return passGap(candidate, text, at, end);
  const found = match(candidate, text, at, end, final);
  if (found === "undecided") return { kind: "wait" };
  if (found === "no") return { kind: "passed", at, state: TEXT };
  const state: State = found.rest === undefined ? TEXT : { kind: "rest", rest: found.rest, slash: false };
  return { kind: "masked", at: found.end, state };
}

/** Between the separator and the value: blanks, the rest of `=>`, `:=` or `==`, and a quote. All of it is given out. */
function passGap(gap: Candidate & { readonly kind: "gap" }, text: string, at: number, end: number): Step {
  if (at === end) return { kind: "passed", at, state: TEXT };
  const code = text.charCodeAt(at);
  const isBlank = code === 0x20 || code === 0x09 || code === 0x3d || code === 0x3e || code === BACKSLASH;
  if (isBlank && gap.blanks < MAX_BLANKS) {
    const candidate: Candidate = { kind: "gap", environment: false, blanks: gap.blanks + 1, slash: code === BACKSLASH };
    return { kind: "passed", at: at + 1, state: { kind: "candidate", candidate } };
  }
  if (code === 0x22 || code === 0x27 || code === 0x60) {
    return {
      kind: "passed",
      at: at + 1,
      state: { kind: "candidate", candidate: { kind: "quoted", quote: code, escaped: gap.slash } },
    };
  }
  return {
    kind: "passed",
    at,
    state: { kind: "candidate", candidate: { kind: "bare", environment: gap.environment } },
  };
}

interface Passed {
  readonly at: number;
  readonly state: State;
  /** What is left may be the beginning of the end. */
  readonly wait: boolean;
  /** The beginning of the end, passed over before it was known as such. */
  readonly lead?: string;
}

function passRest(state: State & { readonly kind: "rest" }, text: string, from: number, end: number): Passed {
  const { rest } = state;
  let at = from;
  if ("chars" in rest) {
    while (at < end && rest.chars[text.charCodeAt(at)] === 1) at += 1;
    return { at, state: at < end ? TEXT : state, wait: false };
  }
  let { slash } = state;
  for (; at < end; at += 1) {
    const code = text.charCodeAt(at);
    const isEnd = code === rest.quote && slash === rest.escaped;
    if (code === NEWLINE) return { at, state: TEXT, wait: false };
    if (isEnd) return { at, state: TEXT, wait: false, lead: slash ? "\\" : "" };
    slash = code === BACKSLASH && !slash;
  }
  return { at, state: { kind: "rest", rest, slash }, wait: false };
}

function passPem(state: State & { readonly kind: "pem" }, text: string, from: number, end: number): Passed {
  const most = Math.min(end, from + MAX_PEM - state.seen);
  const found = text.indexOf(PEM_END, from);
  if (found !== -1 && found <= most) return { at: found, state: TEXT, wait: false };
  if (most < end) return { at: most, state: TEXT, wait: false };
  const tail = partialEnd(text, from, end);
  return { at: tail, state: { kind: "pem", seen: state.seen + (tail - from) }, wait: tail < end };
}

/** Where a beginning of {@link PEM_END} starts at the very end of the text, or `end`. */
function partialEnd(text: string, from: number, end: number): number {
  for (let length = Math.min(PEM_END.length - 1, end - from); length > 0; length -= 1) {
    if (PEM_END.startsWith(text.slice(end - length, end))) return end - length;
  }
  return end;
}
