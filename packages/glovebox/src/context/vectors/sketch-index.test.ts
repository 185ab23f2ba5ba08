import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import wabt from "wabt";
import { toUnit } from "../../models/embedder.ts";
import { KERNEL_BASE64 } from "./kernel.ts";
import { Sketcher } from "./sketch.ts";
import { SketchIndex } from "./sketch-index.ts";
import { decodeSketch, encodeSketch } from "./sketch-record.ts";

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
  return a.reduce((sum, entry, at) => sum + entry * (b[at] as number), 0);
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
  for (const vector of all) index.add(sketcher.sketch(vector));
  return index;
}

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
    const hits = index.search(query, 10);
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
  const allowed = Uint8Array.from(all, (_, slot) => (slot % 97 === 5 ? 1 : 0));
  const hits = index.search(all[6] as Float32Array, 40, allowed);
  expect(hits.map(({ slot }) => slot % 97)).toEqual(hits.map(() => 5));
  expect(hits).toHaveLength(31);
  expect(index.search(all[5] as Float32Array, 1, allowed)).toMatchObject([{ slot: 5 }]);
});

test("equal vectors come by their slots, and zeros are as far as anything", () => {
  const one = vectors(1, 64, 4)[0] as Float32Array;
  const index = indexOf([new Float32Array(64), one, one, one], 64);
  expect(index.search(one, 4).map(({ slot }) => slot)).toEqual([1, 2, 3, 0]);
  expect(index.search(new Float32Array(64), 2).map(({ slot }) => slot)).toEqual([0, 1]);
});

test("a sketch comes back from its bytes, also from an odd address; other sizes are refused", () => {
  const sketcher = new Sketcher(100);
  const sketch = sketcher.sketch(vectors(1, 100, 5)[0] as Float32Array);
  const record = encodeSketch(sketch);
  const odd = new Uint8Array(record.byteLength + 1);
  odd.set(record, 1);
  expect(decodeSketch(odd.subarray(1), sketcher.paddedDimensions)).toEqual(sketch);
  expect(decodeSketch(Buffer.from(record), sketcher.paddedDimensions)).toEqual(sketch);
  expect(() => decodeSketch(record, 64)).toThrow(RangeError);
});
