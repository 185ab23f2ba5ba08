import { describe, expect, test } from "vitest";
import type { Contexts } from "../expressions/contexts.ts";
import { jobName } from "./job-name.ts";
import { expandMatrix } from "./matrix.ts";
import { parseWorkflow } from "./parse-workflow.ts";
import type { Job } from "./workflow.ts";

function jobOf(strategy: string, name?: string): Job {
  const text = `on: push\njobs:\n  test:\n    runs-on: x\n${name === undefined ? "" : `    name: ${name}\n`}    strategy: {matrix: ${strategy}}\n    steps: [{run: "true"}]\n`;
  const { workflow, problems } = parseWorkflow({ path: "w.yml", text });
  const [job] = workflow?.jobs ?? [];
  if (job === undefined) throw new Error(problems.map(({ message }) => message).join("\n"));
  return job;
}

function expand(matrix: string, contexts: Contexts = {}) {
  const template = jobOf(matrix).strategy?.matrix;
  return template === undefined ? [] : expandMatrix(template, contexts);
}

/** https://docs.github.com/en/actions/how-tos/write-workflows/choose-what-workflows-do/run-job-variations */
describe("matrices", () => {
  test("every combination, the first variable changing last", () => {
    expect(expand("{version: [10, 12], os: [ubuntu-latest, windows-latest]}")).toEqual([
      { version: 10, os: "ubuntu-latest" },
      { version: 10, os: "windows-latest" },
      { version: 12, os: "ubuntu-latest" },
      { version: 12, os: "windows-latest" },
    ]);
  });

  test("include: GitHub's example with fruits", () => {
    const include =
      "{color: green}, {color: pink, animal: cat}, {fruit: apple, shape: circle}, {fruit: banana}, {fruit: banana, animal: cat}";
    expect(expand(`{fruit: [apple, pear], animal: [cat, dog], include: [${include}]}`)).toEqual([
      { fruit: "apple", animal: "cat", color: "pink", shape: "circle" },
      { fruit: "apple", animal: "dog", color: "green", shape: "circle" },
      { fruit: "pear", animal: "cat", color: "pink" },
      { fruit: "pear", animal: "dog", color: "green" },
      { fruit: "banana" },
      { fruit: "banana", animal: "cat" },
    ]);
  });

  test("include alone, and include that extends one combination", () => {
    expect(expand("{include: [{site: production, datacenter: site-a}, {site: staging, datacenter: site-b}]}")).toEqual([
      { site: "production", datacenter: "site-a" },
      { site: "staging", datacenter: "site-b" },
    ]);
    expect(expand("{os: [windows, ubuntu], node: [14, 16], include: [{os: windows, node: 16, npm: 6}]}")).toEqual([
      { os: "windows", node: 14 },
      { os: "windows", node: 16, npm: 6 },
      { os: "ubuntu", node: 14 },
      { os: "ubuntu", node: 16 },
    ]);
  });

  test("exclude: a partial match is enough, and include comes after it", () => {
    const matrix = "os: [macos, windows], version: [12, 14, 16], environment: [staging, production]";
    const exclude = "exclude: [{os: macos, version: 12, environment: production}, {os: windows, version: 16}]";
    const left = expand(`{${matrix}, ${exclude}}`);
    expect(left).toHaveLength(9);
    expect(left).not.toContainEqual({ os: "windows", version: 16, environment: "staging" });
    expect(left).toContainEqual({ os: "macos", version: 12, environment: "staging" });
    expect(expand("{a: [1, 2], exclude: [{a: 1}], include: [{a: 1, again: true}]}")).toEqual([
      { a: 2 },
      { a: 1, again: true },
    ]);
    expect(expand("{a: [1], exclude: [{a: 1}]}")).toEqual([]);
    expect(expand("{a: [1, 2], exclude: [{b: 1}]}")).toHaveLength(2);
  });

  test("objects in a matrix match by their parts", () => {
    const matrix =
      "{target: [{os: linux, cpu: arm}, {os: mac, cpu: arm}, {os: linux, cpu: x64}], exclude: [{target: {os: linux}}]}";
    expect(expand(matrix)).toEqual([{ target: { os: "mac", cpu: "arm" } }]);
  });

  test("lists, include, exclude and the whole can be expressions", () => {
    const needs = {
      needs: { plan: { outputs: { list: "[1, 2]", all: '{"os": ["a", "b"], "include": [{"os": "c"}]}' } } },
    };
    expect(expand("{n: '${{ fromJSON(needs.plan.outputs.list) }}', os: [x]}", needs)).toEqual([
      { n: 1, os: "x" },
      { n: 2, os: "x" },
    ]);
    expect(expand("'${{ fromJSON(needs.plan.outputs.all) }}'", needs)).toEqual([{ os: "a" }, { os: "b" }, { os: "c" }]);
    expect(expand('{n: [1, 2, 3], exclude: "${{ fromJSON(\'[{\\"n\\": 2}]\') }}"}')).toEqual([{ n: 1 }, { n: 3 }]);
    expect(expand("{v: ['${{ github.ref }}']}", { github: { ref: "main" } })).toEqual([{ v: "main" }]);
  });

  test.each([
    ["'${{ fromJSON(needs.no.outputs.list) }}'", "empty input"],
    ["'${{ needs }}'", "must give an object"],
    ["{n: '${{ github.ref }}'}", "Matrix vector 'n' must be a list"],
    ["{n: '${{ fromJSON(github.empty) }}'}", "does not contain any values"],
    ["{n: '${{ fromJSON(github.many) }}'}", "more than 256 combinations"],
    ["{include: '${{ github.ref }}'}", "'include' must be a list of objects"],
  ])("%s is refused when it is expanded", (matrix, message) => {
    const many = JSON.stringify(Array.from({ length: 257 }, (_, index) => index));
    expect(() => expand(matrix, { github: { ref: "main", empty: "[]", many }, needs: null })).toThrow(message);
  });
});

describe("names of jobs", () => {
  test("values of the matrix stand behind the name", () => {
    expect(jobName(jobOf("{a: [1]}"), { node: 20, os: "linux" })).toBe("test (20, linux)");
    expect(jobName(jobOf("{a: [1]}", "Unit tests"), { node: 20, deep: { x: true, y: [1, null] } })).toBe(
      "Unit tests (20, true, 1)",
    );
    expect(jobName(jobOf("{a: [1]}"))).toBe("test");
  });

  test("a name with expressions says all itself", () => {
    expect(jobName(jobOf("{a: [1]}", "Test on ${{ matrix.os }}"), { os: "linux", node: 20 })).toBe("Test on linux");
  });

  test("at most 100 characters", () => {
    expect(jobName(jobOf("{a: [1]}"), { long: "x".repeat(300) })).toHaveLength(100);
  });
});
