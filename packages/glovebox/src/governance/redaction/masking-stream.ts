import type { RedactorStream } from "../../core/index.ts";
import { Chars } from "./chars.ts";
import { type Finder, MaskWriter, type Span } from "./spans.ts";

/** Characters that are looked at in one go: their codes stay in the processor's cache. */
const BLOCK = 16 * 1024;
/** Nothing here waits, so one serves all. */
const shared = new Chars();

/** Runs finders over a text that comes in pieces, and gives out what all of them have decided. */
export class MaskingStream implements RedactorStream {
  readonly #makeFinders: () => readonly Finder[];
  #finders: readonly Finder[] | undefined;
  #writer = new MaskWriter();
  /** From `base` on: what finders look back at, then what is held back. */
  #text = "";
  #base = 0;
  /** Given out up to here. */
  #given = 0;

  constructor(makeFinders: () => readonly Finder[]) {
    this.#makeFinders = makeFinders;
  }

  get heldBytes(): number {
    return Buffer.byteLength(this.#text.slice(this.#given - this.#base), "utf8");
  }

  push(piece: string): string {
    let out = "";
    for (let at = 0; at < piece.length; at += BLOCK) out += this.#advance(piece.slice(at, at + BLOCK), false);
    return out;
  }

  /** After it the stream begins anew: nothing is remembered of what came before. */
  flush(): string {
    const out = this.#advance("", true);
    this.#finders = undefined;
    this.#writer = new MaskWriter();
    this.#text = "";
    this.#base = 0;
    this.#given = 0;
    return out;
  }

  /** Masks a whole text at once. */
  static redact(text: string, makeFinders: () => readonly Finder[]): string {
    if (text.length > BLOCK) {
      const stream = new MaskingStream(makeFinders);
      return stream.push(text) + stream.flush();
    }
    const chars = shared.set(text);
    const spans: Span[] = [];
    for (const finder of makeFinders()) finder.advance(chars, 0, true, spans);
    return spans.length === 0 ? text : new MaskWriter().write(text, 0, 0, text.length, spans);
  }

  #advance(piece: string, final: boolean): string {
    const text = this.#text + piece;
    const chars = shared.set(text);
    const base = this.#base;
    const spans: Span[] = [];
    let decided = base + text.length;
    let keepFrom = decided;
    this.#finders ??= this.#makeFinders();
    for (const finder of this.#finders) {
      decided = Math.min(decided, finder.advance(chars, base, final, spans));
      keepFrom = Math.min(keepFrom, finder.keepFrom);
    }
    const out = this.#writer.write(text, base, this.#given, decided, spans);
    this.#given = decided;
    this.#base = Math.max(base, Math.min(keepFrom, decided));
    this.#text = text.slice(this.#base - base);
    return out;
  }
}
