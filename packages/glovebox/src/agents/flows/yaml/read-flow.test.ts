import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { allSteps, type KnownAgents } from "./check-flow.ts";
import { Expression } from "./expressions.ts";
import { readFlow } from "./read-flow.ts";
import { fillTemplate } from "./template.ts";

const AGENTS: KnownAgents = new Map([
  ["codegen", { types: ["codegen"], payload: z.strictObject({ goal: z.string() }) }],
  ["tester", { types: ["test_exec"] }],
]);

const flow = (steps: string, head = "") => `name: f\n${head}steps:\n${steps}`;
const problemsOf = (text: string) =>
  readFlow(text, AGENTS).problems.map(({ line, column, message }) => `${line}:${column} ${message}`);

describe("a flow in YAML", () => {
  it("is read with all it may have", () => {
    const text = `name: all
version: 2
description: Everything
input:
  goal: string
  rounds: {type: number, default: 2}
budget: {toolCalls: 9}
steps:
  - {id: write, agent: codegen, input: {goal: "\${{ input.goal }}!"}, retry: {attempts: 2, delay_ms: 5}, timeout_ms: 100}
  - id: both
    if: steps.write.status == "done"
    parallel:
      - {id: a, agent: tester}
      - {id: b, agent: test_exec, budget: {tokens: 1}}
    aggregate: {best: "branch.output.score"}
    apply: true
  - for_each: ["x", "y"]
    steps: [{ask: "Take \${{ item }}, number \${{ index }}?", choices: ["yes", "no"]}]
  - {id: loop, until: "round > input.rounds || steps.again.status == 'done'", max_rounds: 4, steps: [{id: again, agent: tester}]}
  - {id: left, needs: [write], agent: tester, on_error: continue}
  - {id: right, needs: [write, loop], agent: tester, on_error: [{approve: "Go on without?"}]}
  - {needs: [left, right], apply: steps.write.diff}
  - {remember: "\${{ steps.left.text }}", path: "notes/\${{ input.rounds }}.md", kind: lesson, scope: run, metadata: {goal: "\${{ input.goal }}"}}
output: {said: "\${{ steps.both.chosen }}"}
`;
    const { flow: read, problems } = readFlow(text, AGENTS);
    expect(problems).toEqual([]);
    expect(read).toMatchObject({
      name: "all",
      version: "2",
      repository: true,
      budget: { toolCalls: 9 },
      input: { goal: { type: "string", required: true }, rounds: { required: false, default: 2 } },
    });
    expect(read?.steps.map(({ id, kind }) => `${id}:${kind}`)).toEqual([
      "write:agent",
      "both:parallel",
      "for_each:for_each",
      "loop:until",
      "left:agent",
      "right:agent",
      "apply:apply",
      "remember:remember",
    ]);
    expect(read?.steps[0]).toMatchObject({ attempts: 2, delayMs: 5, timeoutMs: 100 });
    const ids = allSteps(read?.steps ?? []).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each([
    ["no steps", "name: f\n", "1:1 steps is missing"],
    ["an unknown field", flow("  - agent: tester\n    colour: red\n"), "4:5 there is no field colour here"],
    ["an unknown agent", flow("  - agent: poet\n"), "3:12 there is no agent poet; there are codegen, tester"],
    ["two kinds", flow("  - agent: tester\n    ask: why\n"), "4:5 a step is one of agent and ask, not both"],
    [
      "no kind",
      flow("  - id: x\n"),
      "3:5 a step has one of agent, parallel, for_each, until, approve, edit, ask, remember, apply, steps",
    ],
    ["an id twice", flow("  - {id: x, agent: tester}\n  - {id: x, agent: tester}\n"), "4:10 there are two steps x"],
    ["a bad expression", flow("  - agent: tester\n    if: 1 +\n"), "4:12 Unexpected token: EOF"],
    ["an unknown name", flow("  - agent: tester\n    if: secrets.x == 1\n"), "4:9 Unknown variable: secrets"],
    ["an unknown step", flow("  - agent: tester\n    if: steps.nope.status == 'done'\n"), "4:9 there is no step nope"],
    [
      "a later step",
      flow("  - {agent: tester, if: steps.b.status == 'done'}\n  - {id: b, agent: tester}\n"),
      "3:25 the step b is not done before this one",
    ],
    ["an unknown input", flow("  - agent: tester\n    if: input.x\n"), "4:9 the flow has no input x"],
    ["item out of place", flow("  - agent: tester\n    if: item == 1\n"), "4:9 there is no item here"],
    ["a need elsewhere", flow("  - {id: a, needs: [z], agent: tester}\n"), "3:21 there is no step z"],
    [
      "a payload that cannot be",
      flow("  - agent: codegen\n    input: {goal: 3}\n"),
      "4:19 codegen: Invalid input: expected string, received number",
    ],
    [
      "patterns",
      flow('  - agent: tester\n    if: \'"a".matches("(a+)+$")\'\n'),
      "4:9 there is no function matches here",
    ],
    ["an alias", "name: &n f\nsteps: [{agent: tester, name: *n}]\n", "1:10 anchors (&name) are not taken"],
    ["a key twice", "name: f\nname: g\n", "2:1 Map keys must be unique"],
    [
      "a default of another type",
      flow("  - agent: tester\n", "input: {n: {type: number, default: x}}\n"),
      "2:27 the default is no number",
    ],
    [
      "applying without a repository",
      flow("  - apply: input.d\n", "repository: false\ninput: {d: object}\n"),
      "5:12 this flow has no repository that could be changed",
    ],
    [
      "applying of no best",
      flow("  - {parallel: [{agent: tester}], apply: true}\n"),
      "3:35 only the best of the branches can be applied",
    ],
    [
      "branches that need",
      flow("  - parallel:\n    - {id: a, agent: tester}\n    - {agent: tester, needs: [a]}\n"),
      "5:30 branches need nothing of each other: they begin together",
    ],
    ["remembering nothing", flow("  - remember:\n"), "3:14 must be what is remembered"],
    [
      "a kind of documents",
      flow("  - remember: x\n    kind: poem\n"),
      '4:11 Invalid option: expected one of "code"|"text"|"test_result"|"diff_summary"|"coverage"|"lesson"|"transcript"',
    ],
    ["a path out of the store", flow("  - remember: x\n    path: ../x\n"), "4:11 is not a relative path"],
    [
      "a scope",
      flow("  - {remember: x, scope: 'mine'}\n"),
      "3:26 a scope is global, run, session:ID, task:ID or run:ID",
    ],
    [
      "a name in metadata",
      flow("  - remember: x\n    metadata: {a b: 1}\n"),
      "4:21 a name has letters, digits, _ and -, at most 64 of them",
    ],
    [
      "a reading of what is not remembered yet",
      flow('  - {remember: "${{ steps.b.text }}"}\n  - {id: b, agent: tester}\n'),
      "3:16 the step b is not done before this one",
    ],
    [
      "an expression that does not end",
      flow('  - agent: codegen\n    input: {goal: "${{ 1"}\n'),
      "4:19 the mark before this has no }} after it",
    ],
  ])("says what is wrong, with line and column: %s", (_what, text, expected) => {
    expect(problemsOf(text)).toEqual([expected]);
  });

  it("refuses steps that wait for each other, and names the circle", () => {
    const text = flow(
      "  - {id: a, needs: [c], agent: tester}\n  - {id: b, agent: tester}\n  - {id: c, needs: [b], agent: tester}\n",
    );
    expect(problemsOf(text)).toEqual(["3:20 steps wait for each other: a → c → b → a"]);
    expect(problemsOf(flow("  - {id: a, needs: [a], agent: tester}\n"))).toEqual([
      "3:20 steps wait for each other: a → a",
    ]);
  });

  it("is bounded: depth, size, number of steps, nesting", () => {
    expect(problemsOf(`name: f\nsteps: ${"[".repeat(5000)}`)).not.toEqual([]);
    expect(problemsOf(`name: ${"f".repeat(300_000)}`)).toHaveLength(1);
    expect(
      problemsOf(flow("  - {steps: [".concat("{steps: [".repeat(9), "{agent: tester}", "]}".repeat(10), "\n")))[0],
    ).toContain("more than 8 deep");
    const list = (count: number) => `{parallel: [${Array.from({ length: count }, () => "{agent: tester}").join()}]}`;
    expect(problemsOf(flow(`  - ${list(200)}\n  - ${list(200)}\n  - ${list(200)}\n`))).toEqual([
      expect.stringContaining("at most 500 steps"),
    ]);
  });

  it("is refused for its length before all of it is parsed, where that begins; as many steps as there may be are read", () => {
    const steps = "  - {agent: tester}\n".repeat(9_000);
    // What would be wrong with the YAML stands behind the end.
    expect(problemsOf(flow(`${steps}  - "\n`))).toEqual([
      expect.stringMatching(/^\d{4}:\d+ a flow has at most 40000 words and signs$/),
    ]);
    const full =
      "  - name: a name\n    if: input.n > 1\n    agent: tester\n    retry: {attempts: 2, delay_ms: 5}\n    timeout_ms: 100\n    budget: {tokens: 5}\n";
    const group = `  - steps:\n${full.repeat(120).replaceAll(/^/gm, "    ").trimEnd()}\n`;
    expect(problemsOf(flow(group.repeat(4), "input: {n: number}\n"))).toEqual([]);
  });

  it("never throws, whatever stands in it", () => {
    const word = fc.constantFrom(
      ...[
        "name: f\n",
        "steps:\n",
        "  - ",
        "agent: tester\n",
        "    if: ",
        "${{",
        "}}",
        "steps.a",
        "[",
        "]",
        "{",
        "}",
        ": ",
        "- ",
      ],
      ...[
        "&a ",
        "*a",
        "!!x ",
        "\t",
        "\n",
        "'",
        '"',
        "needs: [a]\n",
        "id: a\n",
        "until: round > 1\n",
        "parallel:\n",
        "|\n",
        "\u0000",
        "é",
      ],
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(word, fc.string({ maxLength: 4 })), { maxLength: 40 }), (parts) => {
        const { flow: read, problems } = readFlow(parts.join(""), AGENTS);
        expect(read === undefined).toBe(problems.length > 0);
        for (const { line, column } of problems) expect(Math.min(line, column)).toBeGreaterThan(0);
      }),
      { numRuns: 400 },
    );
  });
});

describe("an expression", () => {
  const at = (text: string, input: unknown = { n: 3, list: [1, 2, 3], text: "abc", half: 0.5 }) =>
    new Expression(text).evaluate({ input });
  const codeOf = (work: () => unknown) => {
    try {
      work();
      return "no error";
    } catch (error) {
      return (error as { code?: string }).code ?? (error as Error).name;
    }
  };

  it("computes over JSON", () => {
    expect(at("input.n + 1")).toBe(4);
    expect(at("input.half * 2.0")).toBe(1);
    expect(at("input.list.filter(x, x > 1).map(x, x * 2)")).toEqual([4, 6]);
    expect(at("{'a': input.n, 'b': [input.text]}")).toEqual({ a: 3, b: ["abc"] });
    expect(at("has(input.nope) ? 1 : size(input.list)")).toBe(3);
    expect(at("input.?nope.orValue('none')")).toBe("none");
    expect(at("input.text.startsWith('ab') && !(4 in input.list)")).toBe(true);
  });

  it("reaches nothing but what it is given, and tells when it cannot be computed", () => {
    for (const text of ["input.constructor", "input.__proto__", "input.list.length", "input.nope.x", "1 / 0"]) {
      expect(codeOf(() => at(text))).toBe("invalid_argument");
    }
    expect(codeOf(() => new Expression("1").test({}))).toBe("invalid_argument");
    for (const text of ["steps", "steps[input.n]", "process.env", "timestamp('2020-01-01T00:00:00Z') == input.n"]) {
      expect(codeOf(() => new Expression(text))).toBe("ExpressionProblem");
    }
  });

  it("is bounded in its size, its loops and its result", () => {
    expect(codeOf(() => new Expression("1+".repeat(400) + 1))).toBe("ExpressionProblem");
    expect(codeOf(() => new Expression("x".repeat(3000)))).toBe("ExpressionProblem");
    const loops = "input.list.map(a, input.list.map(b, input.list.map(c, c)))";
    expect(codeOf(() => new Expression(loops))).toBe("ExpressionProblem");
    const long = { text: "x".repeat(600_000) };
    expect(codeOf(() => at("input.text + input.text", long))).toBe("payload_too_large");
  });

  it("fills texts and keeps the type of what stands alone", () => {
    const { flow: read } = readFlow(
      flow(
        '  - {agent: tester, input: {a: "${{ input.n }}", b: "n is ${{ input.n }}, ${{ input.n > 1 }}", c: ["${{ input.list }}", 1]}}\n',
        "input: {n: number, list: list}\n",
      ),
    );
    const [step] = read?.steps ?? [];
    if (step?.kind !== "agent") throw new Error("no step");
    const filled = fillTemplate(step.input, { input: { n: 3, list: [1] } });
    expect(filled).toEqual({ a: 3, b: "n is 3, true", c: [[1], 1] });
  });
});
