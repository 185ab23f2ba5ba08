import { expect, test } from "vitest";
import { BudgetTrail } from "./budget-trail.ts";

const updated = (seq: number, used: unknown, step = "s") => ({
  seq,
  ts: seq * 10,
  type: "budget.updated",
  step,
  payload: { used },
});

test("every use is a point with the sum by then, and the limit that was passed is told", () => {
  const trail = new BudgetTrail();
  trail.take(updated(2, { tokens: 10, toolCalls: 1 }, "a"));
  trail.take({ seq: 3, ts: 30, type: "step.completed", step: "a", payload: {} });
  trail.take(updated(4, { tokens: 5, dollars: 0.5, sandboxSeconds: 2 }, "b"));
  trail.take({ seq: 5, ts: 50, type: "budget.exceeded", payload: { of: "run", what: "tokens", limit: 12, used: 15 } });
  expect(trail.history).toEqual([
    { seq: 2, atMs: 20, step: "a", used: { tokens: 10, dollars: 0, toolCalls: 1, sandboxSeconds: 0 } },
    { seq: 4, atMs: 40, step: "b", used: { tokens: 15, dollars: 0.5, toolCalls: 1, sandboxSeconds: 2 } },
  ]);
  expect(trail.used).toEqual(trail.history.at(-1)?.used);
  expect(trail.exceeded).toEqual({ of: "run", what: "tokens", limit: 12, used: 15 });
});

test("a long history keeps its shape in few points, from the first to the last", () => {
  const trail = new BudgetTrail({ maxPoints: 10 });
  for (let seq = 1; seq <= 1000; seq += 1) trail.take(updated(seq, { tokens: 1 }));
  const { history } = trail;
  expect(history.length).toBeLessThanOrEqual(11);
  expect(history.length).toBeGreaterThanOrEqual(5);
  expect(history[0]).toMatchObject({ seq: 1, used: { tokens: 1 } });
  expect(history.at(-1)).toMatchObject({ seq: 1000, used: { tokens: 1000 } });
  for (const point of history) expect(point.used.tokens).toBe(point.seq);
});

test("what is no use counts as none", () => {
  const trail = new BudgetTrail();
  for (const used of [null, 5, "x", { tokens: -1 }, { tokens: Number.NaN }, { tokens: "9" }, { other: 1 }]) {
    trail.take(updated(1, used));
  }
  trail.take({ seq: 1, ts: 1, type: "budget.updated", payload: null });
  expect(trail.used).toEqual({ tokens: 0, dollars: 0, toolCalls: 0, sandboxSeconds: 0 });
});
