import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import wabt from "wabt";
import { toUnit } from "../../models/embedder.ts";
import { KERNEL_BASE64 } from "./kernel.ts";
import { Sketcher } from "./sketch.ts";
import { encodeSketch, joinSketches, splitSketches } from "./sketch-block.ts";
import { SketchIndex } from "./sketch-index.ts";

/** Numbers around 0, the same in every run. */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

/** Vectors that point anywhere: the hardest there are for an index. */
function vectors(count: number, dimensions: number, seed: number): Float32Array[] {
  const next = noise(seed);
  return Array.from({ length: count }, () =>
    toUnit(Float32Array.from({ length: dimensions }, () => next() + next() + next())),
  );
}

function cosine(a: Float32Array, b: Float32Array): number {
  let product = 0;
  for (let at = 0; at < a.length; at += 1) product += (a[at] as number) * (b[at] as number);
  return product;
}

function nearest(all: readonly Float32Array[], query: Float32Array, count: number): number[] {
  const scores = all.map((vector, slot) => ({ slot, score: cosine(vector, query) }));
  return scores
    .sort((a, b) => b.score - a.score)
    .slice(0, count)
    .map(({ slot }) => slot);
}

function indexOf(all: readonly Float32Array[], dimensions: number): SketchIndex {
  const sketcher = new Sketcher(dimensions);
  const index = new SketchIndex(dimensions);
  const sketches = all.map((vector) => encodeSketch(sketcher.sketch(vector)));
  // One alone, one that spans the index's own blocks, and the rest.
  for (const part of [sketches.slice(0, 1), sketches.slice(1, 16_500), sketches.slice(16_500)])
    if (part.length > 0) index.add({ bytes: joinSketches(part), count: part.length });
  return index;
}

const everything = (index: SketchIndex) => index.select(Uint32Array.from({ length: index.size }, (_, slot) => slot));

test("the kernel is what its source assembles to", async () => {
  const source = readFileSync(new URL("./kernel.wat", import.meta.url), "utf8");
  const assembler = await wabt();
  const module = assembler.parseWat("kernel.wat", source);
  expect(Buffer.from(module.toBinary({}).buffer).toString("base64")).toBe(KERNEL_BASE64);
});

test.each([
  { dimensions: 384, count: 20_000 },
  { dimensions: 100, count: 17_000 },
  { dimensions: 1_024, count: 500 },
])("of $count vectors with $dimensions entries the nearest are found, with their cosines", ({ dimensions, count }) => {
  const all = vectors(count, dimensions, 1);
  const index = indexOf(all, dimensions);
  let found = 0;
  const queries = vectors(10, dimensions, 2);
  for (const query of queries) {
    const hits = index.search(query, 10, everything(index));
    const truth = new Set(nearest(all, query, 10));
    found += hits.filter(({ slot }) => truth.has(slot)).length;
    for (const { slot, score } of hits) expect(score).toBeCloseTo(cosine(all[slot] as Float32Array, query), 2);
    expect(hits.map(({ score }) => score)).toEqual(hits.map(({ score }) => score).sort((a, b) => b - a));
  }
  expect(found / (queries.length * 10)).toBeGreaterThanOrEqual(0.95);
});

test("only what is allowed is found, however near the rest is", () => {
  const all = vectors(3_000, 128, 3);
  const index = indexOf(all, 128);
  const allowed = index.select(everything(index).slots.filter((slot) => slot % 97 === 5));
  const hits = index.search(all[6] as Float32Array, 40, allowed);
  expect(hits.map(({ slot }) => slot % 97)).toEqual(hits.map(() => 5));
  expect(hits).toHaveLength(31);
  expect(index.search(all[5] as Float32Array, 1, allowed)).toMatchObject([{ slot: 5 }]);
});

test("a selection that is copied has the same nearest as before it was", () => {
  const all = vectors(9_001, 100, 6);
  const index = indexOf(all, 100);
  const third = everything(index).slots.filter((slot) => slot % 3 === 1);
  const selection = index.select(third);
  const query = all[7] as Float32Array;
  const first = index.search(query, 100, selection);
  expect(selection.copy).toBeUndefined();
  expect(index.search(query, 100, selection)).toEqual(first);
  expect(selection.copy).toBeDefined();
  expect(index.search(query, 100, selection)).toEqual(first);
  expect(first[0]).toMatchObject({ slot: 7 });
  const whole = everything(index);
  for (const _ of [1, 2]) index.search(query, 1, whole);
  expect(whole.copy).toBeUndefined();
});

test("equal vectors come by their slots, and zeros are as far as anything", () => {
  const one = vectors(1, 64, 4)[0] as Float32Array;
  const index = indexOf([new Float32Array(64), one, one, one], 64);
  expect(index.search(one, 4, everything(index)).map(({ slot }) => slot)).toEqual([1, 2, 3, 0]);
  expect(index.search(new Float32Array(64), 2, everything(index)).map(({ slot }) => slot)).toEqual([0, 1]);
});

test("blocks are joined and split without loss, taken from odd addresses, and refused with other sizes", () => {
  const sketcher = new Sketcher(100);
  const all = vectors(7, 100, 5);
  const sketches = all.map((vector) => encodeSketch(sketcher.sketch(vector)));
  const block = joinSketches(sketches);
  const odd = new Uint8Array(block.byteLength + 1);
  odd.set(block, 1);
  expect(splitSketches({ bytes: odd.subarray(1), count: 7 })).toEqual(sketches);
  const [index, same] = [indexOf(all, 100), new SketchIndex(100)];
  same.add({ bytes: odd.subarray(1), count: 7 });
  const query = all[3] as Float32Array;
  expect(same.search(query, 7, everything(same))).toEqual(index.search(query, 7, everything(index)));
  expect(() => same.add({ bytes: block, count: 6 })).toThrow(RangeError);
});
