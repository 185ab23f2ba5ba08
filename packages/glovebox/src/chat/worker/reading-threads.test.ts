import { expect, onTestFinished, test } from "vitest";
import { openThreads } from "./process-threads.ts";

function threadsWith(limits: Parameters<typeof openThreads>[0]): ReturnType<typeof openThreads> {
  const threads = openThreads(limits);
  onTestFinished(() => threads[Symbol.asyncDispose]());
  return threads;
}

const SLOW = { text: "> - a\n".repeat(160_000), options: {} };
const QUICK = { text: "```js\n1\n```", options: {} };

test("what takes too long is refused, its thread is ended, and the next text gets a new one", async () => {
  const threads = threadsWith({ threads: 1, cpuLimitMs: 1 });
  await expect(threads.read("extract", SLOW)).rejects.toMatchObject({
    code: "payload_too_large",
    details: { limit: "time" },
  });
  expect(threads.size).toBe(0);
  const others = threadsWith({ threads: 1 });
  await expect(others.read("extract", QUICK)).resolves.toMatchObject({ leftOut: 0 });
});

test("texts wait for a thread, and too many are refused", async () => {
  const threads = threadsWith({ threads: 1, waiting: 1 });
  const first = threads.read("extract", QUICK);
  const second = threads.read("extract", QUICK);
  await expect(threads.read("extract", QUICK)).rejects.toMatchObject({ code: "queue_full" });
  await Promise.all([first, second]);
  expect(threads.size).toBe(1);
});

test("who waits can be cancelled, and the others still get their turn", async () => {
  const threads = threadsWith({ threads: 1 });
  const controller = new AbortController();
  const first = threads.read("extract", QUICK);
  const second = threads.read("extract", QUICK, controller.signal);
  const third = threads.read("extract", QUICK);
  controller.abort();
  await expect(second).rejects.toMatchObject({ code: "cancelled" });
  await expect(Promise.all([first, third])).resolves.toHaveLength(2);
});

test("threads without work end", async () => {
  const threads = threadsWith({ idleMs: 1 });
  await threads.read("extract", QUICK);
  await expect.poll(() => threads.size).toBe(0);
});
