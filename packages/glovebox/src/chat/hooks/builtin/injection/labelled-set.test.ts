import { expect, test } from "vitest";
import { loadInjections, scoreInjections } from "./labelled-set.ts";
import { THRESHOLDS } from "./prompt-injection.ts";

const set = loadInjections();

test("the set is as large as it says, every text once", () => {
  expect(set.filter(({ injected }) => injected).length).toBeGreaterThanOrEqual(60);
  expect(set.filter(({ injected }) => !injected).length).toBeGreaterThanOrEqual(60);
  expect(new Set(set.map(({ id }) => id)).size).toBe(set.length);
});

// What docs/reference/hooks.md records. Whoever changes rules may look at the tuning half only. Whoever has looked at what is missed `later` must write
// new texts for it: that part alone says how rules fare with words that they were not made for.
test.each([
  ["tune", "medium", 1, 0.9],
  ["held-out", "medium", 1, 0.87],
  ["tune", "high", 0.87, 0.9],
  ["held-out", "high", 0.94, 0.94],
  ["tune", "low", 1, 0.68],
  ["held-out", "low", 1, 0.61],
  ["later", "low", 1, 0.1],
  ["later", "medium", 0.75, 0.15],
  ["later", "high", 0.66, 0.4],
] as const)(
  "on the part `%s`, with %s sensitivity, precision and recall are no less than what is recorded",
  (part, sensitivity, precision, recall) => {
    const score = scoreInjections(
      set.filter((one) => one.part === part),
      THRESHOLDS[sensitivity],
    );
    const report = `${part} ${sensitivity}: precision ${score.precision.toFixed(3)}, recall ${score.recall.toFixed(3)}`;
    console.info(report);
    expect(score.precision, `${report}; wrong: ${score.wrong.join(", ")}`).toBeGreaterThanOrEqual(precision);
    expect(score.recall, `${report}; missed: ${score.missed.join(", ")}`).toBeGreaterThanOrEqual(recall);
  },
);
