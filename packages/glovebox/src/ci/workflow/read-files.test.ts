import { afterEach, expect, test } from "vitest";
import { parseWorkflow } from "./parse-workflow.ts";
import { FileReader } from "./read-files.ts";

const steps = (count: number) =>
  `on: push\njobs:\n a:\n  runs-on: x\n  steps:\n${"   - run: echo hello world\n".repeat(count)}`;
let reader = new FileReader();
afterEach(async () => {
  await reader[Symbol.asyncDispose]();
  reader = new FileReader();
});

test("long and short files are read alike, and only once", async () => {
  for (const text of [steps(2), steps(400), "on: [", `on: push\n# ${"x".repeat(9000)}\njobs: {a: {}}`]) {
    const file = { path: "a.yml", text };
    const read = await reader.workflow(file);
    expect(read).toEqual(parseWorkflow(file));
    expect(await reader.workflow({ ...file })).toBe(read);
    expect(await reader.workflow({ ...file, path: "b.yml" })).not.toBe(read);
  }
  const action = { path: "action.yml", text: "name: a\nruns: { using: composite, steps: [] }\n" };
  expect((await reader.action(action)).action?.runs.kind).toBe("composite");
});

test("the server goes on while a long file is read", async () => {
  const file = {
    path: "a.yml",
    text: `on: push\njobs: {a: {runs-on: x, steps: [{run: '${"${{ a.b }}".repeat(20_000)}'}]}}`,
  };
  let isRead = false;
  const reading = reader.workflow(file).then((read) => {
    isRead = true;
    return read;
  });
  let turns = 0;
  while (!isRead) {
    await new Promise((resolve) => setImmediate(resolve));
    turns += 1;
  }
  // Read here, it would have left not one.
  expect(turns).toBeGreaterThan(20);
  expect((await reading).problems.length).toBeGreaterThan(0);
});

test("a file that takes too long is wrong, and says so at its place", async () => {
  await using impatient = new FileReader({ cpuLimitMs: 1 });
  const { workflow, problems } = await impatient.workflow({ path: "slow.yml", text: steps(5_000) });
  expect(workflow).toBeUndefined();
  expect(problems).toEqual([
    { path: "slow.yml", line: 1, column: 1, message: expect.stringContaining("too much time"), severity: "error" },
  ]);
});
