import type { Statements } from "../database/statements.ts";
import { type Selection, SketchIndex } from "../vectors/sketch-index.ts";
import type { Scored } from "./fuse.ts";
import { Grown } from "./grown.ts";
import type { Mirror } from "./mirror.ts";

/** Filters whose places are remembered: four bytes for each, and half of its sketch where the filter lets few through. */
const MAX_SELECTIONS = 4;

interface Allowed {
  readonly key: string;
  readonly documents: Uint8Array;
}

/** The vectors of one space, in memory: sketches for looking at all of them; the vectors themselves stay on disk, and are read for the best only. */
export class DenseSpace {
  readonly #statements: Statements;
  readonly #mirror: Mirror;
  readonly #space: number;
  readonly #index: SketchIndex;
  /** By place in the index. */
  readonly #chunks = new Grown(Uint32Array);
  readonly #slots = new Grown(Float64Array);
  #lastSlot = 0;
  #revision = 0;
  /** By the key of what is allowed, the least recently used first. */
  readonly #selections = new Map<string, { readonly revision: number; readonly selection: Selection }>();

  constructor(statements: Statements, mirror: Mirror, space: { readonly id: number; readonly dimensions: number }) {
    this.#statements = statements;
    this.#mirror = mirror;
    this.#space = space.id;
    this.#index = new SketchIndex(space.dimensions);
  }

  catchUp(): void {
    if (this.#revision === this.#mirror.revision) return;
    const sql = "SELECT slots, chunks, block FROM sketches WHERE first_slot > ? AND space = ? ORDER BY first_slot";
    for (const row of this.#statements.of(sql).raw().iterate(this.#lastSlot, this.#space)) {
      const [slotsText, chunksText, bytes] = row as [string, string, Uint8Array];
      const [slots, chunks] = [JSON.parse(slotsText) as number[], JSON.parse(chunksText) as number[]];
      for (const [at, slot] of slots.entries()) {
        this.#slots.set(this.#index.size + at, slot);
        this.#chunks.set(this.#index.size + at, chunks[at] as number);
      }
      this.#index.add({ bytes, count: slots.length });
      this.#lastSlot = slots.at(-1) ?? this.#lastSlot;
    }
    this.#revision = this.#mirror.revision;
  }

  /** The `count` nearest chunks, best first, with their cosines: exact ones of the `exact` best, the others rounded (below 0.01, hardly ever above 0.001). */
  search(
    vector: Float32Array,
    { count, exact }: { readonly count: number; readonly exact: number },
    allowed: Allowed,
    atRevision: number | undefined,
  ): Scored[] {
    const hits = this.#index.search(vector, count, this.#selection(allowed, atRevision));
    const slots = hits.slice(0, exact).map(({ slot: place }) => this.#slots.get(place));
    const sql = "SELECT slot, entries FROM vector WHERE slot IN (SELECT value FROM json_each(?))";
    const rows = this.#statements.of(sql).raw().all(JSON.stringify(slots)) as [number, Uint8Array][];
    const cosines = new Map(rows.map(([slot, bytes]) => [slot, cosine(vector, bytes)]));
    return hits
      .map(({ slot: place, score }) => {
        return { chunk: this.#chunks.get(place), score: cosines.get(this.#slots.get(place)) ?? score };
      })
      .sort((a, b) => b.score - a.score || a.chunk - b.chunk);
  }

  #selection(allowed: Allowed, atRevision: number | undefined): Selection {
    const { revision } = this.#mirror;
    const known = this.#selections.get(allowed.key);
    this.#selections.delete(allowed.key);
    const entry =
      known?.revision === revision
        ? known
        : { revision, selection: this.#index.select(this.#places(allowed, atRevision)) };
    this.#selections.set(allowed.key, entry);
    if (this.#selections.size > MAX_SELECTIONS) {
      const oldest = this.#selections.keys().next();
      if (!oldest.done) this.#selections.delete(oldest.value);
    }
    return entry.selection;
  }

  /** What may be found, in rising order. */
  #places(allowed: Allowed, atRevision: number | undefined): Uint32Array {
    const places = new Uint32Array(this.#index.size);
    let count = 0;
    for (let place = 0; place < places.length; place += 1) {
      const chunk = this.#chunks.get(place);
      const isAllowed = allowed.documents[this.#mirror.documentOf.get(chunk)] === 1;
      if (!isAllowed || !this.#mirror.isCurrent(chunk, atRevision)) continue;
      places[count] = place;
      count += 1;
    }
    return places.slice(0, count);
  }
}

/** Of two vectors of length 1. */
function cosine(vector: Float32Array, bytes: Uint8Array): number {
  const isAligned = bytes.byteOffset % 4 === 0;
  const entries = isAligned
    ? new Float32Array(bytes.buffer, bytes.byteOffset, vector.length)
    : new Float32Array(new Uint8Array(bytes).buffer);
  let product = 0;
  for (let at = 0; at < vector.length; at += 1) product += (vector[at] as number) * (entries[at] as number);
  return product;
}
