import fc from "fast-check";
import { expect, test } from "vitest";
import { GloveboxError, systemClock } from "../../core/index.ts";
import { Heap } from "./heap.ts";
import { type DeadLetter, Scheduler, type SchedulerOptions, type Task } from "./scheduler.ts";

const make = (options: Partial<SchedulerOptions> = {}) => new Scheduler({ clock: systemClock, ...options });

function task(id: string, work: Task["work"] = async () => {}, others: Partial<Task> = {}): Task {
  return { id, tenantId: "t", kind: "k", work, ...others };
}

async function until(check: () => boolean): Promise<void> {
  for (let tries = 0; tries < 5000 && !check(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(check()).toBe(true);
}

test("a heap gives its elements in order, whatever goes in and out between", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer())), (operations) => {
      const heap = new Heap<number>((a, b) => a - b);
      const model: number[] = [];
      for (const value of operations) {
        if (value === null) expect(heap.pop()).toBe(model.shift());
        else {
          heap.push(value);
          model.push(value);
          model.sort((a, b) => a - b);
        }
        expect(heap.peek()).toBe(model[0]);
        expect(heap.size).toBe(model.length);
      }
      const odd = heap.removeWhere((value) => value % 2 !== 0);
      expect(odd.toSorted((a, b) => a - b)).toEqual(model.filter((value) => value % 2 !== 0));
      expect(Array.from({ length: heap.size }, () => heap.pop())).toEqual(model.filter((value) => value % 2 === 0));
    }),
  );
});

test("turns go by due time, then priority, then the order of coming", async () => {
  await using scheduler = make({ concurrency: 1 });
  const order: string[] = [];
  const note = (id: string) => task(id, async () => void order.push(id));
  scheduler.submit({ ...note("late"), delayMs: 30 });
  scheduler.submit(note("a"));
  scheduler.submit(note("b"));
  scheduler.submit({ ...note("high"), priority: 5 });
  scheduler.submit({ ...note("low"), priority: -1 });
  await until(() => order.length === 5);
  expect(order).toEqual(["high", "a", "b", "low", "late"]);
});

test("a tenant and a kind have their own bounds, and who may not work stands in nobody's way", async () => {
  await using scheduler = make({ concurrency: 10, perTenant: 2, perKind: { rare: 1 } });
  const now: Record<string, number> = {};
  const most: Record<string, number> = {};
  let done = 0;
  const count = (keys: string[]) => async () => {
    for (const key of keys) {
      now[key] = (now[key] ?? 0) + 1;
      most[key] = Math.max(most[key] ?? 0, now[key] ?? 0);
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
    for (const key of keys) now[key] = (now[key] ?? 0) - 1;
    done += 1;
  };
  for (let i = 0; i < 20; i += 1) scheduler.submit(task(`a${i}`, count(["a"]), { tenantId: "a" }));
  for (let i = 0; i < 6; i += 1)
    scheduler.submit(task(`b${i}`, count(["b", "rare"]), { tenantId: `b${i}`, kind: "rare" }));
  await until(() => done === 26);
  expect(most).toEqual({ a: 2, b: 1, rare: 1 });
});

test("a full queue rejects, or drops its oldest, which is told", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  {
    await using scheduler = make({ concurrency: 1, maxQueued: 2 });
    for (const id of ["a", "b"]) scheduler.submit(task(id, () => promise));
    expect(() => scheduler.submit(task("c"))).toThrow(expect.objectContaining({ code: "queue_full" }));
    scheduler.submit(task("d"), { always: true });
    expect(scheduler.queued).toBe(3);
    resolve();
  }
  const dead: DeadLetter[] = [];
  const done: string[] = [];
  await using scheduler = make({ maxQueued: 2, whenFull: "drop_oldest", onDead: (letter) => dead.push(letter) });
  for (const id of ["a", "b", "c"]) scheduler.submit(task(id, async () => void done.push(id)));
  await until(() => done.length === 2);
  expect(done).toEqual(["b", "c"]);
  expect(dead.map(({ id, summary }) => [id, summary.startsWith("dropped")])).toEqual([["a", true]]);
});

test("what fails is tried again only when that may help; a task that never works is a dead letter with its history", async () => {
  await using scheduler = make({ maxDeadLetters: 1 });
  const tries: Record<string, number> = {};
  const fail = (id: string, code: "unavailable" | "conflict", times: number) =>
    task(
      id,
      async (attempt) => {
        tries[id] = attempt;
        if (attempt <= times) throw new GloveboxError(code, "no");
      },
      { retry: { maxAttempts: 3, firstDelayMs: 1 } },
    );
  scheduler.submit(fail("wrong", "conflict", 9));
  scheduler.submit(fail("heals", "unavailable", 2));
  await until(() => tries.heals === 3 && scheduler.deadLetters.length === 1);
  expect(tries).toEqual({ wrong: 1, heals: 3 });
  scheduler.submit(fail("poison", "unavailable", 9));
  await until(() => scheduler.deadLetters[0]?.id === "poison");
  expect(scheduler.deadLetters).toHaveLength(1);
  expect(scheduler.deadLetters[0]?.attempts.map(({ error }) => error.code)).toEqual(Array(3).fill("unavailable"));
});

test("parking tells the work to end, waits for it, and gives back what did not begin", async () => {
  const scheduler = make({ concurrency: 1 });
  let ended = false;
  const work = (_attempt: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => {
        ended = true;
        resolve();
      });
    });
  scheduler.submit(task("a", work));
  await until(() => scheduler.queued === 0);
  scheduler.submit(task("b"));
  scheduler.submit(task("c"));
  expect(scheduler.remove("b")).toBe(true);
  expect((await scheduler.park()).map(({ id }) => id)).toEqual(["c"]);
  expect(ended).toBe(true);
  expect(() => scheduler.submit(task("d"))).toThrow(expect.objectContaining({ code: "unavailable" }));
});

test("10,000 queued tasks of one tenant all get their turn", async () => {
  await using scheduler = make({ concurrency: 8, perTenant: 4, maxQueued: 10_000 });
  let done = 0;
  const work = async () => {
    done += 1;
  };
  for (let i = 0; i < 10_000; i += 1) scheduler.submit(task(`${i}`, work));
  await until(() => done === 10_000);
});

test("ties are always decided the same way: by priority, then by the order of coming", async () => {
  const priorities = fc.array(fc.integer({ min: -2, max: 2 }), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(priorities, async (given) => {
      await using scheduler = make({ concurrency: 1 });
      const order: number[] = [];
      for (const [index, priority] of given.entries()) {
        // Of many tenants and kinds, which have queues of their own.
        const lane = { tenantId: `t${index % 3}`, kind: `k${index % 2}` };
        scheduler.submit(task(`${index}`, async () => void order.push(index), { priority, ...lane }));
      }
      await until(() => order.length === given.length);
      const expected = given.map((priority, index) => ({ priority, index }));
      expected.sort((a, b) => b.priority - a.priority || a.index - b.index);
      expect(order).toEqual(expected.map(({ index }) => index));
    }),
    { numRuns: 15 },
  );
});

test("a deadline holds over all attempts, and a wall clock that jumps back moves no turn", async () => {
  let offMs = 0;
  const clock = { nowMs: () => Date.now() + offMs, monotonicMs: () => performance.now() };
  await using scheduler = make({ clock });
  let tries = 0;
  const retry = { maxAttempts: 50, firstDelayMs: 1, maxDelayMs: 1 };
  const late = async () => {
    tries += 1;
    // Time passes while it works.
    if (tries === 3) offMs = 60_000;
    throw new GloveboxError("unavailable", "not yet");
  };
  scheduler.submit(task("late", late, { retry, deadlineMs: clock.nowMs() + 30_000 }));
  await until(() => scheduler.deadLetters.length === 1);
  expect(tries).toBe(3);
  expect(scheduler.deadLetters[0]).toMatchObject({ id: "late", attempts: [{}, {}, {}] });
  let isDone = false;
  const work = async () => {
    isDone = true;
  };
  scheduler.submit(task("soon", work, { delayMs: 20 }));
  offMs = -3_600_000;
  await until(() => isDone);
});
