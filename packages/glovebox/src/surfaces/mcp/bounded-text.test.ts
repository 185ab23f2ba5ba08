import fc from "fast-check";
import { expect, test } from "vitest";
import { BoundedText } from "./bounded-text.ts";

test("keeps what fits, and of the rest the beginning and the end, however it arrives", () => {
  const pieces = fc.array(fc.string({ maxLength: 40, unit: "binary" }), { maxLength: 20 });
  fc.assert(
    fc.property(pieces, fc.integer({ min: 8, max: 200 }), (texts, max) => {
      const bounded = new BoundedText(max);
      for (const text of texts) bounded.take(text);
      const all = texts.join("");
      const kept = bounded.toString();
      expect(kept.isWellFormed()).toBe(true);
      expect(bounded.isEmpty).toBe(all === "");
      expect(bounded.isCut).toBe(all.length > max);
      if (all.length <= max) {
        expect(kept).toBe(all.toWellFormed());
        return;
      }
      const tail = Math.floor(max / 4);
      const head = all.slice(0, max - tail).toWellFormed();
      const end = all.slice(all.length - tail).toWellFormed();
      expect(kept).toBe(`${head}\n[${all.length - max} characters left out]\n${end}`);
    }),
    { numRuns: 500 },
  );
});

test("takes a fraction of a limit", () => {
  const bounded = new BoundedText(10.7);
  bounded.take("0123456789");
  expect(bounded.isCut).toBe(false);
  bounded.take("a");
  expect(bounded.toString()).toMatch(/^01234567\n\[1 characters left out\]\n9a$/);
});
