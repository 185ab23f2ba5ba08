import { joinSketches, splitSketches } from "../vectors/sketch-block.ts";
import type { Statements } from "./statements.ts";

/** Sketches of one block: a row that is read at once. */
const MAX_BLOCK = 1_024;

/** A vector's sketch, on its way to the disk. */
export interface PlacedSketch {
  readonly slot: number;
  readonly chunk: number;
  /** A block of one. */
  readonly sketch: Uint8Array;
}

/** Writes sketches of one space, in the order of their slots. */
export function writeSketches(statements: Statements, space: number, placed: readonly PlacedSketch[]): void {
  const insert = statements.of("INSERT INTO sketches VALUES (?, ?, ?, ?, ?)");
  for (let from = 0; from < placed.length; from += MAX_BLOCK) {
    const part = placed.slice(from, from + MAX_BLOCK);
    const [slots, chunks] = [part.map(({ slot }) => slot), part.map(({ chunk }) => chunk)];
    const block = joinSketches(part.map(({ sketch }) => sketch));
    insert.run(slots[0] ?? 0, space, JSON.stringify(slots), JSON.stringify(chunks), block);
  }
}

/** Leaves out what has no vector any more, and joins small blocks: every write makes one of its own. */
export function repackSketches(statements: Statements): void {
  const spaces = statements.of("SELECT id FROM space").pluck().all() as number[];
  for (const space of spaces) repackSpace(statements, space);
}

function repackSpace(statements: Statements, space: number): void {
  const isThere = statements.of("SELECT 1 FROM vector WHERE slot = ?").pluck();
  const next = statements.of(
    "SELECT first_slot, slots, chunks, block FROM sketches WHERE space = ? AND first_slot > ? ORDER BY first_slot LIMIT 1",
  );
  const remove = statements.of("DELETE FROM sketches WHERE first_slot = ?");
  let held: PlacedSketch[] = [];
  let last = 0;
  for (;;) {
    const row = next.get(space, last) as
      | { readonly first_slot: number; readonly slots: string; readonly chunks: string; readonly block: Uint8Array }
      | undefined;
    if (row === undefined) break;
    const [slots, chunks] = [JSON.parse(row.slots) as number[], JSON.parse(row.chunks) as number[]];
    const sketches = splitSketches({ bytes: row.block, count: slots.length });
    for (const [at, slot] of slots.entries()) {
      if (isThere.get(slot) === undefined) continue;
      held.push({ slot, chunk: chunks[at] as number, sketch: sketches[at] as Uint8Array });
    }
    remove.run(row.first_slot);
    last = row.first_slot;
    if (held.length < MAX_BLOCK) continue;
    // What is written lies before what is still to be read.
    writeSketches(statements, space, held.slice(0, MAX_BLOCK));
    held = held.slice(MAX_BLOCK);
  }
  writeSketches(statements, space, held);
}
