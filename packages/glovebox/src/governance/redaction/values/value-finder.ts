import type { Chars } from "../chars.ts";
import type { Finder, Span } from "../spans.ts";
import { Automaton } from "./automaton.ts";
import { patternsOf } from "./patterns.ts";
import { SkipTable } from "./skip-table.ts";

const LINE_FEED = 0x0a;
const RETURN = 0x0d;
/** Line breaks in a row that are passed over within a value. */
const MAX_BREAKS = 4;
/** With no more than this of a pattern seen, it pays to go back to skipping. */
const SHALLOW = 2;

/** What is to be found, made once and shared by all streams. */
export interface ValueTable {
  readonly automaton: Automaton;
  readonly skips: SkipTable;
}

/** The table for these values, or `undefined` when none of them is long enough to be looked for. */
export function valueTable(values: readonly string[]): ValueTable | undefined {
  const patterns = patternsOf(values);
  if (patterns.length === 0) return undefined;
  return { automaton: new Automaton(patterns), skips: new SkipTable(patterns) };
}

/**
 * Finds known values. Line breaks within one are passed over, since terminals and base64 break lines anywhere. The automaton decides;
 * the skip table only keeps it from text in which nothing begins, and does so within lines alone.
 */
export class ValueFinder implements Finder {
  readonly #table: ValueTable;
  /** The next character to look at. As all positions kept here, counted from the stream's beginning. */
  #at = 0;
  #state = 0;
  /** Where what the state has seen begins, and where the automaton was started last. */
  #start = 0;
  #entered = 0;
  #breaks = 0;
  /** The last part to mask, with its length but for line breaks. */
  #cover = { from: -1, to: -1, length: 0 };

  constructor(table: ValueTable) {
    this.#table = table;
  }

  get keepFrom(): number {
    return this.#state === 0 ? this.#at : this.#start;
  }

  advance(text: Chars, base: number, final: boolean, spans: Span[]): number {
    const end = text.length;
    const lines = new LineBreaks(text);
    let at = this.#at - base;
    while (at < end) {
      if (this.#isIdle()) {
        if (this.#state !== 0) at = this.#start - base;
        at = this.#table.skips.next(text, at, Math.min(end, lines.next(at)));
        if (at >= end) break;
        this.#state = 0;
        this.#breaks = 0;
        this.#entered = base + at;
        this.#start = base + at;
      }
      this.#step(text, base, at, spans);
      at += 1;
    }
    this.#at = base + end;
    if (final || this.#state === 0) return this.#at;
    // A masked beginning need not wait for what it may be the beginning of.
    return this.#cover.from <= this.#start ? Math.max(this.#start, this.#cover.to) : this.#start;
  }

  /** Whether what the automaton was started for has come to nothing. */
  #isIdle(): boolean {
    if (this.#state === 0) return true;
    return this.#start > this.#entered && (this.#table.automaton.depth[this.#state] ?? 0) <= SHALLOW;
  }

  #step(text: Chars, base: number, at: number, spans: Span[]): void {
    const code = text.charCodeAt(at);
    if (code === LINE_FEED || code === RETURN) {
      this.#breaks += 1;
      if (this.#breaks > MAX_BREAKS) this.#state = 0;
      return;
    }
    const { automaton } = this.#table;
    this.#breaks = 0;
    const before = automaton.depth[this.#state] ?? 0;
    this.#state = automaton.next(this.#state, code);
    const after = automaton.depth[this.#state] ?? 0;
    if (before === 0) this.#start = base + at;
    else if (after <= before) this.#start = base + skipForward(text, this.#start - base, before + 1 - after, at + 1);
    const length = automaton.longest[this.#state] ?? 0;
    if (length > 0) this.#found(text, base, at, length, spans);
  }

  /** A pattern of `length` characters ends at `at`. What is covered already is passed over at once, so no character is counted twice. */
  #found(text: Chars, base: number, at: number, length: number, spans: Span[]): void {
    const cover = this.#cover;
    const to = base + at + 1;
    let from = to;
    let left = length;
    while (left > 0) {
      if (from === cover.to) {
        if (left <= cover.length) break;
        left -= cover.length;
        from = cover.from;
      } else {
        from -= 1;
        if (!isBreak(text.charCodeAt(from - base))) left -= 1;
      }
    }
    spans.push({ from, to });
    // What touches it goes on from it, so that what was given out as masked stays so.
    const goesOn = from === cover.to;
    this.#cover = goesOn ? { from: cover.from, to, length: cover.length + length - left } : { from, to, length };
  }
}

/** `count` characters on, line breaks not counted, and to no line break. */
function skipForward(text: Chars, from: number, count: number, end: number): number {
  let at = from;
  for (let left = count; at < end && (left > 0 || isBreak(text.charCodeAt(at))); at += 1) {
    if (!isBreak(text.charCodeAt(at))) left -= 1;
  }
  return at;
}

function isBreak(code: number): boolean {
  return code === LINE_FEED || code === RETURN;
}

/** Where the next line break is; each is searched for once. */
class LineBreaks {
  readonly #text: string;
  #feed = -1;
  #return = -1;

  constructor(text: Chars) {
    this.#text = text.text;
  }

  next(at: number): number {
    if (this.#feed < at) this.#feed = this.#find("\n", at);
    if (this.#return < at) this.#return = this.#find("\r", at);
    return Math.min(this.#feed, this.#return);
  }

  #find(letter: string, at: number): number {
    const found = this.#text.indexOf(letter, at);
    return found === -1 ? Number.POSITIVE_INFINITY : found;
  }
}
