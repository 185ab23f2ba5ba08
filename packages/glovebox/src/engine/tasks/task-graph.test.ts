import fc from "fast-check";
import { expect, test } from "vitest";
import { TaskGraph, type TaskNode } from "./task-graph.ts";

const node = (id: string, ...after: string[]): TaskNode<null> => ({ id, after, task: null });

test("tasks come in the order of their dependencies, ties in that of their adding, the same every time", () => {
  const random = fc.array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(random, (lists) => {
      const nodes = lists.map((list, i) => node(`t${i}`, ...(i === 0 ? [] : list.map((n) => `t${n % i}`))));
      const order = (): string[] => {
        const graph = new TaskGraph(nodes);
        const done: string[] = [];
        while (!graph.isDone) {
          const ready = graph.takeReady();
          expect(ready.length).toBeGreaterThan(0);
          for (const { id, after } of ready) {
            expect(after.every((other) => done.includes(other))).toBe(true);
            done.push(id);
            graph.complete(id);
          }
        }
        return done;
      };
      expect(order()).toEqual(order());
      expect(order()).toHaveLength(nodes.length);
    }),
    { numRuns: 50 },
  );
});

test("a cycle is refused and named; so is what is unknown or there twice", () => {
  expect(() => new TaskGraph([node("a", "c"), node("b", "a"), node("c", "b"), node("d")])).toThrow(/a → c → b → a/);
  expect(() => new TaskGraph([node("a", "a")])).toThrow(/a → a/);
  expect(() => new TaskGraph([node("a", "x")])).toThrow(/comes after x/);
  expect(() => new TaskGraph([node("a"), node("a")])).toThrow(/two tasks a/);
});

test("proposed tasks join within limits on depth, breadth and total, all of them or none", () => {
  const graph = new TaskGraph([node("a"), node("z", "a")], { total: 5, depth: 2, breadth: 2 });
  graph.takeReady();
  expect(() => graph.complete("a", [node("b"), node("c"), node("d")])).toThrow(/breadth/);
  expect(() => graph.complete("a", [node("b", "c"), node("c", "b")])).toThrow(/wait for each other/);
  graph.complete("a", [node("b"), node("c", "z")]);
  expect(graph.takeReady().map(({ id }) => id)).toEqual(["b", "z"]);
  expect(() => graph.complete("b", [node("e"), node("f")])).toThrow(/total/);
  graph.complete("b", [node("e")]);
  graph.complete("z");
  expect(graph.takeReady().map(({ id }) => id)).toEqual(["e", "c"]);
  expect(() => graph.complete("e", [node("g")])).toThrow(/total|depth/);
  graph.complete("e");
  graph.complete("c");
  expect(graph.isDone).toBe(true);
  expect(() => graph.complete("c")).toThrow(/done already/);
});
