import { expect, test } from "vitest";
import { DEMAND_MS, Demand } from "./demand.ts";

test("a pool grows with what is asked for, within its size, and is small again after a quiet while", () => {
  const demand = new Demand();
  const size = { min: 1, max: 4, refillConcurrency: 1 };
  expect(demand.target(size, 0)).toBe(1);
  for (let at = 0; at < 3; at += 1) demand.note(at * 1_000);
  expect(demand.target(size, 3_000)).toBe(3);
  for (let at = 3; at < 10; at += 1) demand.note(at * 1_000);
  expect(demand.target(size, 10_000)).toBe(4);
  expect(demand.target({ ...size, min: 0, max: 0 }, 10_000)).toBe(0);
  expect(demand.target(size, DEMAND_MS + 7_500)).toBe(2);
  expect(demand.target(size, DEMAND_MS + 60_000)).toBe(1);
});
