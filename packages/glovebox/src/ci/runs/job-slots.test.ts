import fc from "fast-check";
import { expect, test } from "vitest";
import { JobSlots, type SlotAsk } from "./job-slots.ts";

const ask = (owner: string, runId: string, more: Partial<SlotAsk> = {}): SlotAsk => ({
  tenantId: "t",
  runId,
  key: "k",
  owner,
  ...more,
});

test("turns go to the repository with the fewest jobs at work, and there to the oldest run", () => {
  const turns: string[] = [];
  const slots = new JobSlots(2, ({ owner, runId }) => turns.push(`${owner}/${runId}`));
  expect([slots.tryTake(ask("a", "1")), slots.tryTake(ask("a", "2")), slots.tryTake(ask("a", "3"))]).toEqual([
    true,
    true,
    false,
  ]);
  for (const one of [ask("a", "4"), ask("a", "3"), ask("b", "9"), ask("b", "8")]) slots.want(one);
  slots.want(ask("b", "8"));
  expect(turns).toEqual([]);
  slots.release(ask("a", "1"));
  expect(turns).toEqual(["b/8"]);
  slots.release(ask("a", "2"));
  slots.release(ask("b", "8"));
  expect(turns).toEqual(["b/8", "a/3", "b/9"]);
  slots.releaseRun("3");
  expect(turns.at(-1)).toBe("a/4");
  expect([slots.working, slots.waiting]).toEqual([2, 0]);
});

test("a repository's own limit holds, and keeps nobody else waiting", () => {
  const turns: string[] = [];
  const slots = new JobSlots(10, ({ runId }) => turns.push(runId));
  expect(slots.tryTake(ask("a", "1", { ownerLimit: 1 }))).toBe(true);
  expect(slots.tryTake(ask("a", "2", { ownerLimit: 1 }))).toBe(false);
  slots.want(ask("a", "2", { ownerLimit: 1 }));
  expect(slots.tryTake(ask("b", "3"))).toBe(true);
  slots.release(ask("a", "1"));
  expect(turns).toEqual(["2"]);
});

test("who asks again after a restart is told again; a replay of a run takes no place for good", () => {
  const turns: string[] = [];
  const slots = new JobSlots(1, ({ runId }) => turns.push(runId));
  slots.want(ask("a", "1"));
  slots.want(ask("a", "1"));
  expect(turns).toEqual(["1", "1"]);
  slots.hold(ask("a", "1"));
  slots.hold(ask("a", "1"));
  slots.release(ask("a", "1"));
  expect(slots.working).toBe(1);
  slots.release(ask("a", "1"));
  expect(slots.working).toBe(0);
});

test("whatever comes and goes, no more work than may, and nobody is forgotten", () => {
  const run = fc.record({ owner: fc.constantFrom("a", "b", "c"), runId: fc.integer({ min: 1, max: 20 }).map(String) });
  fc.assert(
    fc.property(fc.array(run, { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (asks, limit) => {
      const working = new Set<string>();
      const slots = new JobSlots(limit, ({ runId }) => working.add(runId));
      const wanted = new Set<string>();
      for (const { owner, runId } of asks) {
        if (wanted.has(runId)) continue;
        wanted.add(runId);
        const one = ask(owner, runId, { ownerLimit: 2 });
        if (slots.tryTake(one)) working.add(runId);
        else slots.want(one);
        expect(slots.working).toBeLessThanOrEqual(limit);
      }
      for (let left = wanted.size; left > 0; left -= 1) {
        const [runId] = working;
        if (runId === undefined) break;
        working.delete(runId);
        wanted.delete(runId);
        slots.release({ runId, key: "k" });
        expect(slots.working).toBeLessThanOrEqual(limit);
      }
      expect([wanted.size, slots.working, slots.waiting]).toEqual([0, 0, 0]);
    }),
  );
});
