import { expect, test } from "vitest";
import { lintHouse } from "../../scripts/lint-house.ts";

test("every import follows the house's rules", () => {
  expect(lintHouse()).toEqual([]);
});
