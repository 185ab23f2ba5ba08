import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TENANT } from "../../sessions/testing/stage.ts";
import { type JobEnd, type JobStage, openJobStage } from "../testing/job-stage.ts";

const SECRET = "correct-horse-battery";

function conclusions({ outcome }: JobEnd) {
  return outcome.steps.map(({ name, conclusion }) => [name, conclusion]);
}

const javascript = (name: string) => `
const fs = require("node:fs");
const say = (file, text) => fs.appendFileSync(process.env[file], text + "\\n");
console.log("${name}", process.env["INPUT_WHO-TO-GREET"], process.env.STATE_before ?? "-", process.env.STATE_main ?? "-", process.env.INPUT_TOKEN);
if ("${name}" === "pre") say("GITHUB_STATE", "before=1");
if ("${name}" === "main") {
  say("GITHUB_STATE", "main=2");
  say("GITHUB_OUTPUT", "where=" + process.env.GITHUB_ACTION_REPOSITORY + "@" + process.env.GITHUB_ACTION_REF);
}
`;

const GREET = {
  "action.yml": `
name: greet
inputs:
  who-to-greet: { default: "\${{ github.actor }}" }
  token: { required: true }
runs: { using: node20, pre: pre.js, main: dist/main.js, post: post.js }
`,
  "pre.js": javascript("pre"),
  "dist/main.js": javascript("main"),
  "post.js": javascript("post"),
};

const COMPOSITE = `
name: both
inputs: { word: { default: none }, token: {} }
outputs:
  said: { value: "\${{ steps.say.outputs.said }}" }
  twice: { value: "\${{ steps.nested.outputs.said }}" }
runs:
  using: composite
  steps:
    - id: say
      shell: bash
      env: { INNER: inner }
      run: |
        echo "said=\${{ inputs.word }} $OUTER $INNER $(basename \${{ github.action_path }}) $(basename $GITHUB_ACTION_PATH)" >> $GITHUB_OUTPUT
        echo "FROM_COMPOSITE=yes" >> $GITHUB_ENV
    - id: nested
      if: inputs.word != 'deep'
      uses: ./.github/actions/both
      with: { word: deep }
    - uses: octo/greet@v1
      if: inputs.word == 'deep'
      with: { token: "\${{ inputs.token }}x", who-to-greet: nested }
`;

describe("actions", { timeout: 60_000 }, () => {
  let stage: JobStage;
  beforeAll(async () => {
    stage = await openJobStage();
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  // https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax
  it("of the repository and of others: composite and JavaScript, with what runs before and after the job", async () => {
    const end = await stage.run({
      secrets: { TOKEN: SECRET },
      files: { "README.md": "# widgets\n", ".github/actions/both/action.yml": COMPOSITE },
      actions: { "octo/greet@v1": GREET },
      yaml: `
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - name: stale
        run: touch stale
      - uses: actions/checkout@v5
      - { name: look, run: 'ls -A; test ! -e stale' }
      - name: greet
        id: greet
        uses: octo/greet@v1
        with: { Token: "\${{ secrets.TOKEN }}", colour: red }
      - name: both
        id: both
        env: { OUTER: outer }
        uses: ./.github/actions/both
        with: { word: hello, token: t }
      - name: outputs
        run: echo "\${{ steps.greet.outputs.where }}|\${{ steps.both.outputs.said }}|\${{ steps.both.outputs.twice }}|$FROM_COMPOSITE"
      - name: fails
        run: "false"
`,
    });
    const { step, log } = end;
    expect(conclusions(end)).toEqual([
      ["Set up job", "success"],
      ["Pre greet", "success"],
      ["stale", "success"],
      ["Run actions/checkout@v5", "success"],
      ["look", "success"],
      ["greet", "success"],
      ["both", "success"],
      ["outputs", "success"],
      ["fails", "failure"],
      ["Post Run octo/greet@v1", "success"],
      ["Post greet", "success"],
    ]);
    expect(step("Set up job")?.outputs).toEqual({ "octo/greet@v1": "c".repeat(40) });
    expect(await log(step("look"))).toBe(".github\nREADME.md\n");
    expect(await log(step("Pre greet"))).toBe("pre octocat - - [redacted]\n");
    expect(await log(step("greet"))).toBe("main octocat 1 - [redacted]\n");
    expect(await log(step("Post greet"))).toBe("post octocat 1 2 [redacted]\n");
    expect(await log(step("Post Run octo/greet@v1"))).toBe("post nested - 2 x\n");
    expect(step("greet")?.annotations).toEqual([
      { level: "warning", message: "Unexpected input(s) 'colour', valid inputs are ['who-to-greet', 'token']" },
    ]);
    expect(await log(step("outputs"))).toBe(
      "octo/greet@v1|hello outer inner both both|deep outer inner both both|yes\n",
    );
    expect(step("both")?.executionIds).toHaveLength(3);
    expect(await stage.at.engine.replay(TENANT, end.runId)).toMatchObject({ identical: true });
  });

  it("that are built in: caches and artifacts go from job to job, tools are the image's", async () => {
    const steps = `
      - uses: actions/checkout@v4
      - id: cache
        uses: actions/cache@v4
        with: { path: "deps\\n~/.store", key: "deps-\${{ hashFiles('lock*') }}", restore-keys: deps- }
      - { name: look, run: "echo \${{ steps.cache.outputs.cache-hit }} $(cat deps/a ~/.store/b 2>/dev/null)" }`;
    const files = { lock: "1\n", "src/x.txt": "x", "src/y.log": "y" };
    const first = await stage.run({
      files,
      yaml: `
on: push
jobs:
  a:
    runs-on: x
    steps:${steps}
      - run: mkdir -p deps ~/.store && echo one > deps/a && echo two > ~/.store/b
      - { id: up, uses: actions/upload-artifact@v4, with: { name: result, path: "src/\\n!**/*.log" } }
      - { id: node, uses: actions/setup-node@v4, with: { node-version: ">=20" } }
      - { id: py, uses: actions/setup-python@v5, with: { python-version: 3.x } }
      - { name: python, run: "python -c 'print(1)' && echo \${{ steps.node.outputs.node-version }}" }
      - { name: old, id: old, continue-on-error: true, uses: actions/setup-node@v4, with: { node-version: 14 } }
      - { name: go, continue-on-error: true, uses: actions/setup-go@v5, with: { go-version: "1.22" } }
      - { name: rust, continue-on-error: true, uses: dtolnay/rust-toolchain@nightly }
      - { name: docker, continue-on-error: true, uses: "docker://alpine:3" }
      - { name: unknown, continue-on-error: true, uses: ./no/such/action }
`,
    });
    expect(first.outcome.steps.filter(({ conclusion }) => conclusion !== "success")).toEqual([]);
    expect(await first.log(first.step("look"))).toBe("\n");
    expect(await first.log(first.step("python"))).toMatch(/^1\nv\d+\.\d+\.\d+\n$/);
    expect(first.step("up")?.outputs["artifact-digest"]).toMatch(/^[0-9a-f]{64}$/);
    expect(first.step("old")).toMatchObject({
      outcome: "failure",
      error: expect.stringMatching(/has Node.js \d.*'14'/),
    });
    expect(first.step("go")?.error).toContain("no Go");
    expect(first.step("rust")?.error).toContain("Rust");
    expect(first.step("docker")?.error).toContain("not from images of containers");
    expect(first.step("unknown")?.error).toContain("actions/checkout");
    expect(first.outcome.steps.at(-1)).toMatchObject({ name: "Post Run actions/cache@v4", conclusion: "success" });

    const second = await stage.run({
      files,
      yaml: `
on: push
jobs:
  b:
    runs-on: x
    steps:${steps}
      - { uses: actions/download-artifact@v4, with: { name: result, path: got } }
      - { name: got, run: "find got -type f" }
      - { name: none, continue-on-error: true, uses: actions/download-artifact@v4, with: { name: none } }
      - { id: other, uses: actions/cache/restore@v4, with: { path: "deps\\n~/.store", key: deps-other, restore-keys: "x-\\ndeps-", lookup-only: true } }
`,
    });
    expect(await second.log(second.step("look"))).toBe("true one two\n");
    expect(await second.log(second.step("got"))).toBe("got/x.txt\n");
    expect(second.step("none")?.error).toContain("Artifact not found for name: none");
    expect(second.step("other")?.outputs).toMatchObject({ "cache-hit": "false", "cache-primary-key": "deps-other" });
  });

  it("that are wrong fail what uses them, and nothing else", async () => {
    const self = "name: self\nruns: { using: composite, steps: [{ uses: ./self }] }\n";
    const wrong = "name: wrong\nruns: { using: composite, steps: [{ run: echo, shell: bash, bogus: 1 }] }\n";
    const dockerfile = "name: image\nruns: { using: docker, image: Dockerfile }\n";
    const end = await stage.run({
      files: { "self/action.yml": self, "wrong/action.yaml": wrong, "image/action.yml": dockerfile },
      yaml: `
on: push
jobs:
  build:
    runs-on: x
    steps:
      - { id: own, uses: actions/checkout@v5, with: { path: ./, fetch-depth: 0 } }
      - { name: odd, continue-on-error: true, uses: actions/checkout@v5, with: { path: odd, fetch-depth: -1 } }
      - { name: self, continue-on-error: true, uses: ./self }
      - { name: wrong, continue-on-error: true, uses: ./wrong }
      - { name: image, continue-on-error: true, uses: ./image }
      - { name: outside, continue-on-error: true, uses: ./../.. }
      - { name: elsewhere, continue-on-error: true, uses: actions/checkout@v5, with: { path: ../../x } }
`,
    });
    expect(end.outcome.conclusion).toBe("success");
    expect(end.step("own")?.annotations).toEqual([
      { level: "warning", message: expect.stringContaining("has no history") },
    ]);
    const errors = ["odd", "self", "wrong", "image", "outside", "elsewhere"].map((name) => end.step(name)?.error ?? "");
    expect(errors).toEqual([
      expect.stringContaining("no number of commits"),
      expect.stringContaining("exceeds max depth 10"),
      expect.stringMatching(/wrong\/action.yaml:2:\d+: .*bogus/),
      expect.stringContaining("not from images of containers"),
      expect.stringContaining("leads out of the workspace"),
      expect.stringContaining("is not under"),
    ]);
  });

  it.each([
    ["leads out of its folder", { "../../../evil": "x", "action.yml": "name: a\nruns: {using: composite, steps: []}" }],
    ["cannot be had", undefined],
  ])("of another repository whose archive %s end the job before its first step", async (_what, files) => {
    const end = await stage.run({
      actions: files === undefined ? {} : { "octo/bad@v1": files },
      yaml: "on: push\njobs: { a: { runs-on: x, steps: [{ run: 'true' }, { uses: octo/bad@v1 }] } }",
    });
    expect(conclusions(end)).toEqual([["Set up job", "failure"]]);
    expect(end.outcome).toMatchObject({ conclusion: "failure" });
    expect(end.outcome.steps[0]?.error).toContain("Unable to get the action octo/bad@v1");
  });

  it("do what they want done after the job also when they were cancelled in the middle", async () => {
    let isRunning = false;
    const begun = await stage.begin({
      actions: {
        "octo/slow@v1": {
          "action.yml":
            "name: slow\ninputs: { a: { default: b } }\nruns: { using: node24, main: main.js, post: post.js }\n",
          "main.js": 'require("fs").appendFileSync(process.env.GITHUB_STATE, "x=1\\n"); setInterval(() => {}, 1000);',
          "post.js": "console.log('after', process.env.INPUT_A);",
        },
      },
      yaml: "on: push\njobs: { a: { runs-on: x, steps: [{ uses: octo/slow@v1 }, { run: 'true' }] } }",
      more: { key: "slow" },
      onProgress: (_job, steps, current) => {
        isRunning ||= steps.length === 1 && (current?.executionIds.length ?? 0) > 0;
      },
    });
    while (!isRunning) await new Promise((resolve) => setTimeout(resolve, 20));
    await stage.at.engine.signal(TENANT, begun.runId, "cancel:slow");
    const end = await begun.end();
    expect(conclusions(end)).toEqual([
      ["Set up job", "success"],
      ["Run octo/slow@v1", "cancelled"],
      ["Run true", "skipped"],
      ["Post Run octo/slow@v1", "success"],
    ]);
    expect(await end.log(end.outcome.steps.at(-1))).toBe("after b\n");
  });
});
