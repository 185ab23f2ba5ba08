import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseWorkflow } from "./parse-workflow.ts";
import type { Job, StepsJob, Workflow } from "./workflow.ts";

const MINIMAL = 'jobs: {a: {runs-on: x, steps: [{run: "true"}]}}\n';

function problemsOf(text: string, severity = "error"): string[] {
  const { problems } = parseWorkflow({ path: ".github/workflows/w.yml", text });
  const kept = problems.filter((problem) => problem.severity === severity);
  return kept.map(({ line, column, message }) => `${line}:${column} ${message}`);
}

function parse(text: string): Workflow {
  const { workflow, problems } = parseWorkflow({ path: ".github/workflows/w.yml", text });
  if (workflow === undefined) throw new Error(JSON.stringify(problems));
  return workflow;
}

function parseJob(job: string): Job {
  const lines = job.split("\n").map((line) => `    ${line}`);
  const [first] = parse(`on: push\njobs:\n  build:\n${lines.join("\n")}\n`).jobs;
  if (first === undefined) throw new Error("no job");
  return first;
}

function parseSteps(steps: string): StepsJob["steps"] {
  const job = parseJob(`runs-on: x\nsteps:\n${steps}`);
  return job.kind === "steps" ? job.steps : [];
}

/** What is wrong, and where. The words of the schema are those of GitHub's own parser. */
describe("problems", () => {
  test.each([
    ["on: push\njobs:\n  a: {runs-on: x, steps: [], stesp: 1}\n", ["3:30 Unexpected value 'stesp'"]],
    ["on: push\njob:\n  a: 1\n", ["1:1 Required property is missing: jobs", "2:1 Unexpected value 'job'"]],
    [`on: pusch\n${MINIMAL}`, ["1:5 Unexpected value 'pusch'"]],
    [`on: {push: {branch: main}}\n${MINIMAL}`, ["1:13 Unexpected value 'branch'"]],
    ["on: push\njobs:\n  a:\n    runs-on: x\n   steps: []\n", ["5:1 All mapping items must start at the same column"]],
    ["on: push\njobs: {a: {runs-on: x\n", [expect.stringContaining("end with a }")]],
    ["a: 1\na: [\n", [expect.stringContaining("end with a ]")]],
    ["", ["1:1 A workflow must be a mapping"]],
    ["- a\n- b\n", ["1:1 A workflow must be a mapping"]],
    ["on: push\n---\non: push\n", [expect.stringContaining("multiple documents")]],
    [
      "on: push\njobs: {a: {needs: b, runs-on: x}, b: {needs: a, runs-on: x}}\n",
      ["2:7 The workflow must contain at least one job with no dependencies."],
    ],
    [
      "on: push\njobs: {z: {runs-on: x}, a: {needs: b, runs-on: x}, b: {needs: a, runs-on: x}}\n",
      [
        "2:36 Job 'a' depends on job 'b' which creates a cycle in the dependency graph.",
        "2:63 Job 'b' depends on job 'a' which creates a cycle in the dependency graph.",
      ],
    ],
    [
      "on: push\njobs: {z: {runs-on: x}, a: {needs: nobody, runs-on: x}}\n",
      ["2:36 Job 'a' depends on unknown job 'nobody'."],
    ],
    ["on: push\njobs:\n  a: {runs-on: x}\n  A: {runs-on: x}\n", ["4:3 'A' is already defined"]],
    [
      "on: push\njobs: {a: {runs-on: x, steps: [{run: a, id: s}, {run: b, id: S}]}}\n",
      ["2:62 The identifier 'S' may not be used more than once within the same scope."],
    ],
    ["on: push\njobs: {1a: {runs-on: x}}\n", [expect.stringContaining("2:8 The identifier '1a' is invalid")]],
    [
      "on: push\njobs: {a: {runs-on: x, steps: [{run: 'echo ${{ foo.bar }}'}]}}\n",
      ["2:44 Unrecognized named-value: 'foo'"],
    ],
    [
      "on: push\njobs: {a: {runs-on: x, steps: [{run: 'echo ${{ github.sha'}]}}\n",
      [expect.stringContaining("The expression is not closed")],
    ],
    ["on: push\njobs: {a: {if: 'success(', runs-on: x}}\n", ["2:16 Unexpected end of expression: '('"]],
    [
      `on: push\nenv: {A: '\${{ secrets.X }}', B: '\${{ env.A }}'}\n${MINIMAL}`,
      ["2:34 Unrecognized named-value: 'env'"],
    ],
    [
      "on: push\njobs: {a: {runs-on: x, steps: [{uses: checkout}]}}\n",
      ["2:39 Expected format {org}/{repo}[/path]@ref. Actual 'checkout'"],
    ],
    [
      "on: push\njobs: {a: {runs-on: x, steps: [{name: nothing}]}}\n",
      [expect.stringContaining("There's not enough info to determine what you meant")],
    ],
    ["on: push\njobs: {a: {uses: ./other.yml}}\n", [expect.stringContaining("2:18 Expected a workflow as")]],
    [
      "on: push\njobs: {a: {runs-on: x, strategy: {matrix: {os: []}}}}\n",
      ["2:48 Matrix vector 'os' does not contain any values"],
    ],
    [
      "on: push\njobs: {a: {runs-on: x, strategy: '${{ inputs }}'}}\n",
      [expect.stringContaining("the whole of 'strategy' is not supported")],
    ],
    [
      `on: {push: {branches: [a], branches-ignore: [b]}}\n${MINIMAL}`,
      [expect.stringContaining("1:23 you may only define one of `branches` and `branches-ignore`")],
    ],
    [`on: {push: {branches: ['[']}}\n${MINIMAL}`, ["1:24 The pattern '[' cannot be read: '[' is not closed"]],
    [`on: {schedule: [{cron: 'every day'}]}\n${MINIMAL}`, [expect.stringContaining("1:24 Invalid cron")]],
    [`on: {schedule: [{cron: '0 0 * * *', timezone: Moon/Base}]}\n${MINIMAL}`, ["1:47 Unknown time zone 'Moon/Base'"]],
    [
      `on: {workflow_dispatch: {inputs: {a: {type: choice}}}}\n${MINIMAL}`,
      [expect.stringContaining("Missing 'options' for choice input")],
    ],
    [
      `on: {workflow_dispatch: {inputs: {a: {type: choice, options: [x], default: y}}}}\n${MINIMAL}`,
      ["1:76 The default 'y' is not one of the options"],
    ],
    [
      `on: {workflow_call: {inputs: {a: {type: number, default: no}}}}\n${MINIMAL}`,
      ["1:58 The default must be a number"],
    ],
    [`on: push\npermissions: {content: read}\n${MINIMAL}`, ["2:15 Unexpected value 'content'"]],
    [`on: push\npermissions: {contents: all}\n${MINIMAL}`, [expect.stringContaining("Unexpected value 'all'")]],
    [
      "on: push\njobs: {a: {runs-on: x, strategy: {matrix: {constructor: [1]}}}}\n",
      ["2:44 The name 'constructor' is not supported as a key"],
    ],
    [`on: push\n__proto__: 1\n${MINIMAL}`, ["2:1 The name '__proto__' is not supported as a key"]],
    [`on: push\n? [a, b]\n: 1\n${MINIMAL}`, ["2:3 The key of a mapping must be a text"]],
  ] as const)("%j", (text, expected) => {
    expect(problemsOf(text)).toEqual(expected);
    expect(parseWorkflow({ path: "w.yml", text }).workflow).toBeUndefined();
  });

  test("a matrix of 10,000 is refused where its job stands", () => {
    const list = JSON.stringify(Array.from({ length: 100 }, (_, index) => index));
    const text = `on: push\njobs:\n  a:\n    runs-on: x\n    strategy: {matrix: {a: ${list}, b: ${list}}}\n`;
    expect(problemsOf(text)).toEqual(["4:5 Job 'a': The matrix has more than 256 combinations"]);
    const include = JSON.stringify(Array.from({ length: 10_000 }, (_, n) => ({ n })));
    expect(problemsOf(`on: push\njobs: {a: {runs-on: x, strategy: {matrix: {include: ${include}}}}}\n`)).toHaveLength(
      1,
    );
  });

  test("names of problems are those of the file, at most 100 of them", () => {
    const { problems } = parseWorkflow({ path: "here/w.yml", text: `on: push\njobs:\n${"  a: {x: 1}\n".repeat(300)}` });
    expect(problems.length).toBeLessThanOrEqual(100);
    expect(new Set(problems.map(({ path }) => path))).toEqual(new Set(["here/w.yml"]));
  });
});

describe("bounds", () => {
  test("files of more than 1 MiB, nesting over 50, aliases that multiply or contain themselves", () => {
    expect(problemsOf(`on: push\n#${"x".repeat(1024 * 1024)}`)).toEqual([expect.stringContaining("maximum file size")]);
    expect(problemsOf(`on: ${"[".repeat(60)}${"]".repeat(60)}`)).toEqual([
      expect.stringContaining("Maximum object depth exceeded"),
    ]);
    expect(problemsOf(`on: ${"[".repeat(300_000)}`)).not.toEqual([]);
    expect(problemsOf("- ".repeat(20_000))).not.toEqual([]);
    const jobs = Array.from({ length: 1_001 }, (_, index) => `a${index}: {runs-on: x}, `);
    expect(problemsOf(`on: push\njobs: {${jobs.join("")}}`)).toEqual(["2:7 A workflow can have at most 1000 jobs"]);
    const laughs = Array.from(
      { length: 9 },
      (_, level) => `a${level + 1}: &a${level + 1} [${`*a${level},`.repeat(9)}]\n`,
    );
    expect(problemsOf(`a0: &a0 [x]\n${laughs.join("")}`)).toEqual([expect.stringContaining("more than 20000 values")]);
    expect(problemsOf("a: &a [*a]\n")).not.toEqual([]);
  });

  // https://github.blog/changelog/2025-09-18-actions-yaml-anchors-and-non-public-workflow-templates/
  test("anchors and aliases stand for what they name", () => {
    const text = 'on: push\njobs:\n  a: &job\n    runs-on: x\n    steps: [{run: "true"}]\n  b: *job\n';
    expect(parse(text).jobs.map(({ id, kind }) => [id, kind])).toEqual([
      ["a", "steps"],
      ["b", "steps"],
    ]);
  });

  test("whatever the text, there is a workflow or an error, and both are JSON", () => {
    const good =
      "name: x\non: {push: {branches: [main]}}\njobs:\n  a:\n    runs-on: [x]\n    strategy: {matrix: {a: [1, 2]}}\n    steps:\n      - run: |\n          echo ${{ matrix.a }}\n      - uses: ./x\n        with: {a: 1}\n";
    const broken = fc
      .tuple(fc.nat(good.length), fc.nat(20), fc.string({ maxLength: 10 }))
      .map(([at, cut, text]) => good.slice(0, at) + text + good.slice(at + cut));
    fc.assert(
      fc.property(fc.oneof(broken, fc.string({ maxLength: 80 })), (text) => {
        const { workflow, problems } = parseWorkflow({ path: "w.yml", text });
        expect(workflow === undefined).toBe(problems.some(({ severity }) => severity === "error"));
        if (workflow !== undefined) expect(JSON.parse(JSON.stringify(workflow))).toEqual(workflow);
        for (const { line, column } of problems) expect(Math.min(line, column)).toBeGreaterThanOrEqual(1);
      }),
      { numRuns: 400 },
    );
  });
});

/** https://docs.github.com/en/actions/concepts/security/script-injections */
describe("expression injection", () => {
  const warned = (step: string) => problemsOf(`on: issues\njobs: {a: {runs-on: x, steps: [${step}]}}\n`, "warning");

  test.each([
    ["{run: 'echo \"${{ github.event.issue.title }}\"'}", "github.event.issue.title"],
    ["{run: 'echo ${{ format(''{0}'', github.head_ref) }}'}", "github.head_ref"],
    ["{run: 'echo ${{ github[''event''].Pull_Request.BODY }}'}", "github.event.pull_request.body"],
    ["{run: 'echo ${{ join(github.event.commits.*.message) }}'}", "github.event.commits.*.message"],
    ["{run: 'echo ${{ github.event.commits[0].author.name }}'}", "github.event.commits.0.author.name"],
    [
      "{uses: actions/github-script@v7, with: {script: 'x(${{ github.event.comment.body }})'}}",
      "github.event.comment.body",
    ],
  ])("%s is warned about", (step, field) => {
    expect(warned(step)).toEqual([expect.stringContaining(`'${field}' is used in a script`)]);
  });

  test.each([
    "{run: 'echo \"$TITLE\"', env: {TITLE: '${{ github.event.issue.title }}'}}",
    "{run: 'echo ${{ github.event.issue.number }} ${{ github.sha }}'}",
    "{uses: other/action@v1, with: {script: '${{ github.event.comment.body }}'}}",
  ])("%s is not", (step) => {
    expect(warned(step)).toEqual([]);
  });
});

/** https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax */
describe("what a workflow says", () => {
  test("name, run-name, env, defaults, permissions, concurrency", () => {
    const workflow = parse(
      "name: Build\nrun-name: Deploy by @${{ github.actor }}\non: push\nenv: {A: 1, B: true, C: '${{ github.sha }}'}\n" +
        "defaults: {run: {shell: bash, working-directory: scripts}}\npermissions: {contents: read, id-token: write}\n" +
        "concurrency: {group: 'x-${{ github.ref }}', cancel-in-progress: true}\n" +
        MINIMAL,
    );
    expect(workflow).toMatchObject({
      name: "Build",
      runName: "Deploy by @${{ github.actor }}",
      env: { A: "1", B: "true", C: "${{ github.sha }}" },
      defaults: { shell: "bash", workingDirectory: "scripts" },
      permissions: { contents: "read", "id-token": "write" },
      concurrency: { group: "x-${{ github.ref }}", cancelInProgress: true },
    });
    expect(parse(`on: push\n${MINIMAL}`)).toMatchObject({ name: ".github/workflows/w.yml", env: {}, defaults: {} });
    expect(parse(`on: push\npermissions: read-all\n${MINIMAL}`).permissions).toBe("read-all");
    expect(parse(`on: push\npermissions: {}\n${MINIMAL}`).permissions).toEqual({});
    expect(parse(`on: push\nconcurrency: one\n${MINIMAL}`).concurrency).toEqual({
      group: "one",
      cancelInProgress: false,
    });
  });

  test("triggers with schedules, inputs of a dispatch and of a call", () => {
    const { on } = parse(
      "on:\n  push: {branches: main, tags-ignore: [v1]}\n  schedule: [{cron: '30 5 * * 1-5', timezone: Europe/Zurich}, {cron: '0 0 * * *'}]\n" +
        "  workflow_dispatch:\n    inputs:\n      level: {type: choice, options: [info, debug], default: info, required: true}\n      dry: {type: boolean}\n" +
        "  workflow_call:\n    inputs: {n: {type: number, default: 3}}\n    secrets: {token: {required: true}, other: }\n    outputs: {v: {value: '${{ jobs.a.outputs.v }}'}}\n" +
        MINIMAL,
    );
    expect(on.events.push).toEqual({ branches: ["main"], tagsIgnore: ["v1"] });
    expect(on.schedule).toEqual([{ cron: "30 5 * * 1-5", timezone: "Europe/Zurich" }, { cron: "0 0 * * *" }]);
    expect(on.dispatch?.inputs).toEqual({
      level: { type: "choice", options: ["info", "debug"], default: "info", required: true },
      dry: { type: "boolean", required: false },
    });
    expect(on.call).toEqual({
      inputs: { n: { type: "number", required: false, default: 3 } },
      secrets: { token: { required: true }, other: { required: false } },
      outputs: { v: "${{ jobs.a.outputs.v }}" },
    });
    expect(parse(`on: workflow_call\n${MINIMAL}`).on.call).toEqual({ inputs: {}, secrets: {}, outputs: {} });
    expect(parse(`on: [workflow_dispatch]\n${MINIMAL}`).on.dispatch).toEqual({ inputs: {} });
  });

  test("a job with all its fields", () => {
    const job = parseJob(
      "name: Test ${{ matrix.os }}\nneeds: []\nif: github.ref == 'refs/heads/main'\nruns-on: [self-hosted, '${{ matrix.os }}']\ntimeout-minutes: 5\n" +
        "continue-on-error: ${{ matrix.experimental }}\nenv: {A: b}\nenvironment: {name: production, url: 'https://x/${{ steps.a.outputs.b }}'}\n" +
        "outputs: {v: '${{ steps.a.outputs.v }}'}\nstrategy: {fail-fast: false, max-parallel: 2, matrix: {os: [a, b]}}\npermissions: write-all\n" +
        "concurrency: {group: g}\ndefaults: {run: {shell: sh}}\ncontainer: node:20\nservices: {db: {image: postgres, ports: ['5432:5432']}}\nsteps: [{run: a}]",
    );
    expect(job).toMatchObject({
      kind: "steps",
      id: "build",
      name: "Test ${{ matrix.os }}",
      needs: [],
      if: "github.ref == 'refs/heads/main'",
      runsOn: ["self-hosted", "${{ matrix.os }}"],
      timeoutMinutes: 5,
      continueOnError: "${{ matrix.experimental }}",
      env: { A: "b" },
      environment: { name: "production", url: "https://x/${{ steps.a.outputs.b }}" },
      outputs: { v: "${{ steps.a.outputs.v }}" },
      strategy: { failFast: false, maxParallel: 2, matrix: { vectors: { os: ["a", "b"] }, include: [], exclude: [] } },
      permissions: "write-all",
      concurrency: { group: "g", cancelInProgress: false },
      defaults: { shell: "sh" },
      container: "node:20",
      services: { db: { image: "postgres", ports: ["5432:5432"] } },
    });
    expect(parseJob("runs-on: {group: large, labels: linux}")).toMatchObject({
      runsOn: { group: "large", labels: "linux" },
    });
    expect(parseJob("runs-on: x\nenvironment: staging\nstrategy: {matrix: {a: [1]}}")).toMatchObject({
      environment: { name: "staging" },
      strategy: { failFast: true },
    });
    expect(parse(`on: push\nenv: \${{ fromJSON(vars.ENV) }}\n${MINIMAL}`).env).toBe("${{ fromJSON(vars.ENV) }}");
  });

  test("a job that calls a reusable workflow", () => {
    const job = parseJob(
      "uses: octo/repo/.github/workflows/ci.yml@v1\nwith: {n: 3, b: true, t: '${{ github.sha }}'}\nsecrets: {token: '${{ secrets.T }}'}",
    );
    expect(job).toMatchObject({
      kind: "reusable",
      uses: "octo/repo/.github/workflows/ci.yml@v1",
      with: { n: 3, b: true, t: "${{ github.sha }}" },
      secrets: { token: "${{ secrets.T }}" },
    });
    expect(parseJob("uses: ./.github/workflows/ci.yml\nsecrets: inherit")).toMatchObject({
      secrets: "inherit",
      with: {},
    });
  });

  test("steps, their scripts to the letter, and where they stand", () => {
    const steps = parseSteps(
      "  - name: Script\n    id: s\n    if: ${{ failure() }}\n    run: |\n      echo '${{ github.sha }}'\n        indented ${{ '}}' }}\n\n      end\n    shell: bash -e {0}\n    working-directory: src\n    env: {N: 1.50}\n    timeout-minutes: 2\n    continue-on-error: true\n" +
        "  - uses: actions/checkout@v4\n    with: {fetch-depth: 0, lfs: true, ref: '${{ github.ref }}'}\n  - run: >-\n      one\n      line",
    );
    expect(steps).toEqual([
      {
        kind: "run",
        id: "s",
        name: "Script",
        if: "failure()",
        run: "echo '${{ github.sha }}'\n  indented ${{ '}}' }}\n\nend\n",
        shell: "bash -e {0}",
        workingDirectory: "src",
        env: { N: "1.5" },
        timeoutMinutes: 2,
        continueOnError: true,
        position: { line: 6, column: 9 },
      },
      {
        kind: "uses",
        uses: "actions/checkout@v4",
        with: { "fetch-depth": "0", lfs: "true", ref: "${{ github.ref }}" },
        env: {},
        position: { line: 19, column: 9 },
      },
      { kind: "run", run: "one line", env: {}, position: { line: 21, column: 9 } },
    ]);
  });

  test("a text that an expression makes of itself stays as it was written", () => {
    const [step] = parseSteps("  - run: ${{ '${{ not an expression }}' }}\n    name: ${{ 'x' }}");
    expect(step).toMatchObject({ run: "${{ '${{ not an expression }}' }}", name: "${{ 'x' }}" });
  });

  // A condition that holds more than its `${{ }}` is a text, and a text is true.
  test("a condition that can only be true is warned about", () => {
    expect(problemsOf("on: push\njobs: {a: {if: '${{ false }} && true', runs-on: x}}\n", "warning")).toEqual([
      expect.stringContaining("always true"),
    ]);
    const job = parseJob("if: ${{ false }} && true\nruns-on: x");
    expect(job.if).toBe("format('{0} && true', false)");
  });
});
