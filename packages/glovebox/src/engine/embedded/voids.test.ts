import fc from "fast-check";
import { expect, test } from "vitest";
import { Voids } from "./voids.ts";

test("what rollbacks leave is what a list would have that each of them cuts", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 9 }), { maxLength: 60 }), (moves) => {
      // Record 1 always stays. A move of 0 goes back to a place that counts, any other adds a record.
      let counting = [1];
      let seq = 1;
      const rollbacks: { toSeq: number; seq: number }[] = [];
      for (const [index, move] of moves.entries()) {
        seq += 1;
        if (move === 0) {
          const keep = 1 + ((index * 7) % counting.length);
          // As far as to just before the first that is cut, whatever is void there.
          const toSeq = (counting[keep] ?? seq) - 1;
          rollbacks.push({ toSeq, seq });
          counting = counting.slice(0, keep);
        }
        counting.push(seq);
      }
      const voids = new Voids(rollbacks);
      const all = Array.from({ length: seq }, (_, i) => i + 1);
      expect(all.filter((one) => !voids.has(one))).toEqual(counting);
      expect(all.filter((one) => voids.knows(one))).toEqual(rollbacks.map((one) => one.seq));
      expect([voids.count, voids.lastSeq]).toEqual([rollbacks.length, rollbacks.at(-1)?.seq ?? 0]);
    }),
    { numRuns: 300 },
  );
});
