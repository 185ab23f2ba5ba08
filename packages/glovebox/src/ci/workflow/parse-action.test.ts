import { describe, expect, test } from "vitest";
import { parseAction } from "./parse-action.ts";

function parse(text: string) {
  const { action, problems } = parseAction({ path: "action.yml", text });
  return {
    action,
    problems: problems.map(({ line, column, message, severity }) => `${line}:${column} ${severity} ${message}`),
  };
}

/** https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax */
describe("action.yml", () => {
  test("a composite action with inputs, outputs and steps", () => {
    const { action } = parse(
      "name: Hello\ndescription: Greets\nauthor: me\nunknown: let be\ninputs:\n  who: {description: Who, required: true, default: World}\n  plain:\n    description: x\n" +
        "outputs:\n  number: {description: n, value: '${{ steps.r.outputs.n }}'}\nruns:\n  using: composite\n  steps:\n" +
        "    - {id: r, run: 'echo ${{ inputs.who }}', shell: bash, if: \"inputs.who != ''\", env: {A: 1}, working-directory: w, continue-on-error: true}\n    - {uses: ./other, with: {a: 1}}\n",
    );
    expect(action).toEqual({
      path: "action.yml",
      name: "Hello",
      description: "Greets",
      inputs: {
        who: { type: "string", description: "Who", required: true, default: "World" },
        plain: { type: "string", description: "x", required: false },
      },
      outputs: { number: "${{ steps.r.outputs.n }}" },
      runs: {
        kind: "composite",
        steps: [
          expect.objectContaining({
            kind: "run",
            id: "r",
            run: "echo ${{ inputs.who }}",
            shell: "bash",
            if: "inputs.who != ''",
            env: { A: "1" },
            workingDirectory: "w",
            continueOnError: true,
          }),
          expect.objectContaining({ kind: "uses", uses: "./other", with: { a: "1" } }),
        ],
      },
    });
  });

  test("a JavaScript action with what runs before and after", () => {
    const { action } = parse(
      "name: n\nruns: {using: node24, main: dist/index.js, pre: s.js, pre-if: runner.os == 'linux', post: c.js, post-if: success()}\n",
    );
    expect(action?.runs).toEqual({
      kind: "node",
      version: "node24",
      main: "dist/index.js",
      pre: "s.js",
      preIf: "runner.os == 'linux'",
      post: "c.js",
      postIf: "success()",
    });
    expect(parse("runs: {using: node16, main: i.js}").action?.runs).toEqual({
      kind: "node",
      version: "node20",
      main: "i.js",
    });
    expect(parse("runs: {using: docker, image: Dockerfile, args: [a]}").action?.runs).toEqual({
      kind: "docker",
      image: "Dockerfile",
    });
  });

  test.each([
    ["name: n\n", "1:1 error Required property is missing: runs"],
    [
      "runs: {using: node8, main: x}",
      "1:15 error 'using: node8' is not supported, use one of node12, node16, node20, node24, composite, docker",
    ],
    ["runs: {using: node20, pre: x}", "1:7 error Required property is missing: main"],
    [
      "runs: {using: composite, steps: [{run: x}]}",
      expect.stringContaining("error Required property is missing: shell"),
    ],
    [
      "runs: {using: composite, steps: [{run: x, shell: sh, if: foo.bar}]}",
      expect.stringContaining("error Unrecognized named-value: 'foo'"),
    ],
    [
      "runs: {using: composite, steps: [{run: 'x ${{ secrets.A }}', shell: sh}]}",
      expect.stringContaining("error Unrecognized named-value: 'secrets'"),
    ],
    [
      "runs: {using: composite, steps: [{run: 'x ${{ github.head_ref }}', shell: sh}]}",
      expect.stringContaining("warning 'github.head_ref' is used in a script"),
    ],
    ["- a", "1:1 error An action must be a mapping"],
    ["runs: [", expect.stringContaining("end with a ]")],
  ] as const)("%s", (text, problem) => {
    expect(parse(text).problems).toContainEqual(problem);
  });
});
