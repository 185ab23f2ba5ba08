import { expect, test } from "vitest";
import { hasTarSize } from "./tar-size.ts";

test("only a whole number is a size", () => {
  for (const size of [0, 7, 2 ** 40]) expect(hasTarSize({ size })).toBe(true);
  for (const size of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60, "7"]) {
    expect(hasTarSize({ size })).toBe(false);
  }
});
