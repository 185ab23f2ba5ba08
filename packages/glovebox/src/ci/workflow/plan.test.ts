import { describe, expect, test } from "vitest";
import { bindInputs } from "./bind-inputs.ts";
import { callProblems } from "./call-problems.ts";
import { narrowPermissions } from "./narrow-permissions.ts";
import { parseWorkflow } from "./parse-workflow.ts";
import { planWorkflow } from "./plan-workflow.ts";
import type { InputDefinition, Workflow } from "./workflow.ts";

function parse(text: string): Workflow {
  const { workflow, problems } = parseWorkflow({ path: "w.yml", text });
  if (workflow === undefined) throw new Error(JSON.stringify(problems));
  return workflow;
}

describe("plans", () => {
  test("jobs stand in levels, matrices are expanded where they are known", () => {
    const workflow = parse(
      "on: push\njobs:\n  deploy: {needs: [test, lint], runs-on: x}\n  lint: {runs-on: x}\n" +
        "  test: {needs: lint, runs-on: x, strategy: {matrix: {n: [1, 2]}}}\n  docs: {runs-on: x, name: 'Docs of ${{ github.ref }}'}\n" +
        "  late: {needs: test, runs-on: x, strategy: {matrix: {n: '${{ fromJSON(needs.test.outputs.list) }}'}}}\n",
    );
    const plan = planWorkflow(workflow, { github: { ref: "main" } });
    expect(plan.problems).toEqual([]);
    expect(plan.levels).toEqual([["lint", "docs"], ["test"], ["deploy", "late"]]);
    expect(plan.jobs.map(({ id, instances }) => [id, instances?.map(({ name }) => name)])).toEqual([
      ["lint", ["lint"]],
      ["docs", ["Docs of main"]],
      ["test", ["test (1)", "test (2)"]],
      ["deploy", ["deploy"]],
      ["late", undefined],
    ]);
    const known = planWorkflow(workflow, { needs: { test: { outputs: { list: "[7]" } } } });
    expect(known.jobs.find(({ id }) => id === "late")?.instances).toEqual([{ name: "late (7)", matrix: { n: 7 } }]);
  });

  test("a plan of data that nobody parsed names cycles and needs that are not there", () => {
    const workflow = parse(
      "on: push\njobs:\n  a: {runs-on: x}\n  b: {needs: a, runs-on: x}\n  c: {needs: b, runs-on: x}\n",
    );
    const jobs = workflow.jobs.map((job) => ({
      ...job,
      needs: job.id === "a" ? [] : job.id === "b" ? ["c"] : ["b", "nobody"],
    }));
    const plan = planWorkflow({ ...workflow, jobs });
    expect(plan.levels).toEqual([["a"]]);
    expect(plan.problems.map(({ message }) => message)).toEqual([
      "Job 'c' depends on unknown job 'nobody'.",
      "Job 'b' depends on job 'c' which creates a cycle in the dependency graph.",
      "Job 'c' depends on job 'b' which creates a cycle in the dependency graph.",
    ]);
  });

  test("a matrix that cannot be expanded is a problem of the plan", () => {
    const workflow = parse("on: push\njobs: {a: {runs-on: x, strategy: {matrix: {n: '${{ github.ref }}'}}}}\n");
    const plan = planWorkflow(workflow, { github: { ref: "main" } });
    expect(plan.problems).toEqual([
      { path: "w.yml", line: 2, column: 11, severity: "error", message: "Job 'a': Matrix vector 'n' must be a list" },
    ]);
    expect(plan.jobs[0]?.instances).toBeUndefined();
  });
});

/** https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#onworkflow_callinputs and #onworkflow_dispatchinputs */
describe("inputs", () => {
  const define = (input: Partial<InputDefinition>): InputDefinition => ({ type: "string", required: false, ...input });

  test("given values take their declared type, names whatever their case", () => {
    const definitions = {
      Name: define({}),
      dry: define({ type: "boolean" }),
      count: define({ type: "number" }),
      level: define({ type: "choice", options: ["a", "b"] }),
    };
    expect(bindInputs(definitions, { name: "x", DRY: "true", count: "3", level: "b" })).toEqual({
      Name: "x",
      dry: true,
      count: 3,
      level: "b",
    });
    expect(bindInputs(definitions, { dry: false, count: 4 })).toEqual({ Name: "", dry: false, count: 4, level: "a" });
  });

  // "If a default parameter is not set, the default value of the input is false for boolean, 0 for a number, and "" for a string."
  test("what is not given is the default, or false, 0 and the empty text", () => {
    const definitions = { s: define({}), b: define({ type: "boolean" }), n: define({ type: "number" }) };
    expect(bindInputs(definitions, {})).toEqual({ s: "", b: false, n: 0 });
    const standard = {
      s: define({ default: "on ${{ github.ref }}" }),
      b: define({ type: "boolean", default: true }),
      n: define({ type: "number", default: 2 }),
    };
    expect(bindInputs(standard, {}, { github: { ref: "main" } })).toEqual({ s: "on main", b: true, n: 2 });
    expect(bindInputs({ r: define({ required: true, default: "d" }) }, {})).toEqual({ r: "d" });
  });

  test.each([
    [{}, { x: "1" }, "Invalid input, 'x' is not defined"],
    [{ x: define({ required: true }) }, {}, "Input 'x' is required"],
    [{ x: define({ type: "boolean" }) }, { x: "yes" }, "must be true or false"],
    [{ x: define({ type: "number" }) }, { x: "three" }, "must be a number"],
    [{ x: define({ type: "number" }) }, { x: true }, "must be a number"],
    [{ x: define({ type: "choice", options: ["a"] }) }, { x: "b" }, "must be one of: a"],
    [{ x: define({}) }, { x: ["a"] }, "must be a text"],
  ] as const)("%j given %j is refused", (definitions, given, message) => {
    expect(() => bindInputs(definitions as Record<string, InputDefinition>, given)).toThrow(message);
  });
});

/** https://docs.github.com/en/actions/how-tos/reuse-automations/reuse-workflows */
describe("calls of reusable workflows", () => {
  const callee = parse(
    "on: {workflow_call: {inputs: {n: {type: number, required: true}, s: {type: string, default: '${{ github.ref }}'}}, secrets: {token: {required: true}, extra: }}}\njobs: {a: {runs-on: x}}\n",
  );
  const problems = (call: string, called = callee) => {
    const caller = parse(`on: push\njobs: {c: {uses: ./.github/workflows/x.yml, ${call}}}\n`);
    return caller.jobs
      .flatMap((job) => (job.kind === "reusable" ? callProblems(caller, job, called) : []))
      .map(({ line, message }) => `${line} ${message}`);
  };

  test("what fits has no problems, an expression is taken as it will be", () => {
    expect(problems("with: {n: 3}, secrets: {TOKEN: x}")).toEqual([]);
    expect(problems("with: {N: '${{ github.run_number }}', s: x}, secrets: inherit")).toEqual([]);
  });

  test("inputs and secrets that are missing, unknown or of another type", () => {
    expect(problems("secrets: inherit")).toEqual(["2 Job 'c': Input 'n' is required, but not provided."]);
    expect(problems("with: {n: three}, secrets: inherit")).toEqual(["2 Job 'c': Input 'n' must be a number."]);
    expect(problems("with: {n: 1, x: '${{ github.ref }}'}, secrets: inherit")).toEqual([
      "2 Job 'c': Invalid input, 'x' is not defined in the workflow.",
    ]);
    expect(problems("with: {n: 1}, secrets: {other: x}")).toEqual([
      "2 Job 'c': Secret token is required, but not provided while calling.",
      "2 Job 'c': Invalid secret, other is not defined in the referenced workflow.",
    ]);
    expect(problems("with: {n: 1}", parse("on: push\njobs: {a: {runs-on: x}}\n"))).toEqual([
      "2 Job 'c': workflow_call key is not defined in the referenced workflow './.github/workflows/x.yml'.",
    ]);
  });
});

// "the GITHUB_TOKEN permissions can be only downgraded (not elevated) by the called workflow"
test.each([
  [undefined, { contents: "write" }, { contents: "write" }],
  [{ contents: "read" }, undefined, { contents: "read" }],
  [{ contents: "read" }, { contents: "write", actions: "read" }, { contents: "read", actions: "none" }],
  [{ contents: "write", issues: "read" }, "read-all", { contents: "read", issues: "read" }],
  ["read-all", "write-all", "read-all"],
  ["read-all", { contents: "write" }, { contents: "read" }],
  ["write-all", { contents: "write" }, { contents: "write" }],
  [{}, { contents: "write" }, { contents: "none" }],
] as const)("a caller with %j that calls a workflow asking for %j gives %j", (allowed, asked, given) => {
  expect(narrowPermissions(allowed, asked)).toEqual(given);
});
