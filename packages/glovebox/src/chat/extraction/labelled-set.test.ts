import { expect, test } from "vitest";
import { extract } from "./extract.ts";
import { loadLabelledSet, scoreSet } from "./labelled-set.ts";

const set = loadLabelledSet();

test("the set is as large as it says, every text once", () => {
  expect(set.length).toBeGreaterThanOrEqual(240);
  expect(new Set(set.map(({ id }) => id)).size).toBe(set.length);
});

// What docs/reference/extraction.md records. Whoever changes weights or words may look at the tuning half only.
test.each([
  ["tune", 1, 0.98],
  ["held-out", 0.98, 0.95],
] as const)(
  "on the %s half precision and recall are no less than what is recorded",
  async (half, precision, recall) => {
    const score = await scoreSet(
      set.filter((one) => one.half === half),
      extract,
    );
    expect(score.precision).toBeGreaterThanOrEqual(precision);
    expect(score.recall).toBeGreaterThanOrEqual(recall);
    expect(score.language).toBe(1);
  },
);
