import type Database from "better-sqlite3";
import { SketchIndex } from "../vectors/sketch-index.ts";
import { decodeSketch } from "../vectors/sketch-record.ts";
import type { Scored } from "./fuse.ts";
import { Grown } from "./grown.ts";
import type { Mirror } from "./mirror.ts";

/** The vectors of one space, in memory: sketches for looking at all of them; the vectors themselves stay on disk, and are read for the best only. */
export class DenseSpace {
  readonly #db: Database;
  readonly #mirror: Mirror;
  readonly #space: number;
  readonly #index: SketchIndex;
  readonly #padded: number;
  /** By place in the index. */
  readonly #chunks = new Grown(Uint32Array);
  readonly #slots = new Grown(Float64Array);
  #lastSlot = 0;
  #revision = 0;
  #allowed: { readonly key: string; readonly revision: number; readonly places: Uint8Array } | undefined;

  constructor(db: Database, mirror: Mirror, space: { readonly id: number; readonly dimensions: number }) {
    this.#db = db;
    this.#mirror = mirror;
    this.#space = space.id;
    this.#index = new SketchIndex(space.dimensions);
    this.#padded = Math.ceil(space.dimensions / 64) * 64;
  }

  catchUp(): void {
    if (this.#revision === this.#mirror.revision) return;
    const sql = "SELECT slot, chunk, record FROM sketch WHERE slot > ? AND space = ? ORDER BY slot";
    for (const row of this.#db.prepare(sql).raw().iterate(this.#lastSlot, this.#space)) {
      const [slot, chunk, record] = row as [number, number, Uint8Array];
      this.#chunks.set(this.#index.size, chunk);
      this.#slots.set(this.#index.size, slot);
      this.#index.add(decodeSketch(record, this.#padded));
      this.#lastSlot = slot;
    }
    this.#revision = this.#mirror.revision;
  }

  /** The `count` nearest chunks, best first, with their exact cosines. */
  search(
    vector: Float32Array,
    count: number,
    allowed: { readonly key: string; readonly documents: Uint8Array },
    atRevision: number | undefined,
  ): Scored[] {
    const hits = this.#index.search(vector, count, this.#places(allowed, atRevision));
    const entries = this.#db.prepare("SELECT entries FROM vector WHERE slot = ?").pluck();
    const exact = hits.flatMap(({ slot: place }) => {
      const bytes = entries.get(this.#slots.get(place)) as Uint8Array | undefined;
      return bytes === undefined ? [] : [{ chunk: this.#chunks.get(place), score: cosine(vector, bytes) }];
    });
    return exact.sort((a, b) => b.score - a.score || a.chunk - b.chunk);
  }

  #places(
    allowed: { readonly key: string; readonly documents: Uint8Array },
    atRevision: number | undefined,
  ): Uint8Array {
    const { revision } = this.#mirror;
    const known = this.#allowed;
    if (known?.key === allowed.key && known.revision === revision) return known.places;
    const places = new Uint8Array(this.#index.size);
    for (let place = 0; place < places.length; place += 1) {
      const chunk = this.#chunks.get(place);
      const isAllowed = allowed.documents[this.#mirror.documentOf.get(chunk)] === 1;
      if (isAllowed && this.#mirror.isCurrent(chunk, atRevision)) places[place] = 1;
    }
    this.#allowed = { key: allowed.key, revision, places };
    return places;
  }
}

/** Of two vectors of length 1. */
function cosine(vector: Float32Array, bytes: Uint8Array): number {
  const entries = new Float32Array(new Uint8Array(bytes).buffer);
  let product = 0;
  for (let at = 0; at < vector.length; at += 1) product += (vector[at] as number) * (entries[at] ?? 0);
  return product;
}
