import { expect, test } from "vitest";
import { type Clock, systemClock } from "../../core/index.ts";
import { Timers } from "./timers.ts";

async function until(check: () => boolean): Promise<void> {
  for (let tries = 0; tries < 5000 && !check(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(check()).toBe(true);
}

test("timers ring in the order of their times, those of the past at once, and not when they are called off", async () => {
  const timers = new Timers(systemClock);
  const rung: string[] = [];
  const now = Date.now();
  const off = new AbortController();
  const { signal } = new AbortController();
  timers.at(now + 60, signal, () => rung.push("late"));
  timers.at(now + 20, signal, () => rung.push("soon"));
  timers.at(now + 10, off.signal, () => rung.push("off"));
  timers.at(now - 1000, signal, () => rung.push("past"));
  off.abort();
  timers.at(now, off.signal, () => rung.push("never"));
  await until(() => rung.length === 3);
  expect(rung).toEqual(["past", "soon", "late"]);
  timers.close();
});

test("a wall clock that is set back makes nobody wait longer than was left", async () => {
  let back = 0;
  const clock: Clock = { nowMs: () => Date.now() - back, monotonicMs: () => performance.now() };
  const timers = new Timers(clock);
  let rang = false;
  timers.at(clock.nowMs() + 30, new AbortController().signal, () => {
    rang = true;
  });
  back = 3_600_000;
  await until(() => rang);
  timers.close();
});
