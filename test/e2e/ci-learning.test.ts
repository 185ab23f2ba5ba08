import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glovebox } from "@glovebox/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cli } from "../../packages/glovebox/src/cli/testing/cli.ts";
import { type ModelServer, startModelServer } from "../../packages/glovebox/src/models/testing/model-server.ts";
import { startWorkflow, until } from "../support/ci.ts";
import { startServer, type TestServer } from "../support/server.ts";

let folder: string;
let models: ModelServer;
let server: TestServer;
let box: Glovebox;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "glovebox-ci-learning-"));
  models = await startModelServer();
  server = await startServer({
    env: {
      GLOVEBOX_CI_TRANSLATE_PROVIDER: "openai",
      GLOVEBOX_CI_TRANSLATE_BASE_URL: `${models.url}/v1`,
      GLOVEBOX_CI_TRANSLATE_MODEL: "tiny",
    },
  });
  box = await Glovebox.connect({ url: server.url, token: server.token });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await models?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function glovebox(...args: string[]) {
  return cli(args, { cwd: folder, env: { GLOVEBOX_DATA: server.dataDir } });
}

describe("what CI learns", { timeout: 120_000 }, () => {
  test("three equal failures make one lesson, with the line out of the step's own output", async () => {
    const text =
      'on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - name: Tests\n        run: |\n          echo "run $RANDOM"\n          echo "Error: no answer from 127.0.0.1:$RANDOM" >&2\n          exit 4\n';
    let repository = "";
    for (let again = 0; again < 3; again++) {
      const begun = await startWorkflow(box, text);
      repository = (await until(box, begun.id, ({ status }) => status === "completed")).repository;
    }
    await expect.poll(async () => (await box.ci.insights(repository)).lessons.length, { timeout: 20_000 }).toBe(1);
    const { lessons, steps } = await box.ci.insights(repository);
    expect(lessons[0]).toMatchObject({
      step: "Tests",
      exitCode: 4,
      pattern: "Error: no answer from N:N",
      failures: 3,
      confidence: 0.85,
    });
    expect(steps).toEqual([expect.objectContaining({ step: "Tests", runs: 3, successProbability: 0.2 })]);
    expect(await box.ci.insights(repository, { workflow: "another.yml" })).toMatchObject({ lessons: [], steps: [] });
    const { stdout, code } = await glovebox("ci", "insights", "--repo", repository);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /known_failure\t0\.85\t'Tests' has failed 3 times with: Error: no answer from 127\.0\.0\.1:\d+/,
    );
    expect(stdout).toContain("test\tTests\t3\t20%\t");
  });
});

describe("translation by a model", { timeout: 60_000 }, () => {
  const answer = {
    name: "Built",
    trigger: "push",
    environment: {},
    setupCommands: [],
    steps: [{ name: "Make", command: "make all" }],
    cleanupCommands: [],
    cachePaths: [],
  };

  test("a file is shown as what it would be, and kept where the user says; on an error nothing is", async () => {
    writeFileSync(join(folder, "Jenkinsfile"), "pipeline { stages { stage('x') { steps { sh 'make all' } } } }");
    models.reply({ text: JSON.stringify(answer) });
    const { stdout, code } = await glovebox("ci", "translate", "Jenkinsfile", "--write", "translated.yml");
    expect([code, stdout]).toEqual([0, "+ uses actions/checkout@v4\n+ $ make all\n"]);
    expect(readFileSync(join(folder, "translated.yml"), "utf8")).toContain("run: make all");
    models.reply({ text: "no idea" });
    const failed = await glovebox("ci", "translate", "Jenkinsfile", "--write", "other.yml");
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining("no translation: ")]);
    expect(existsSync(join(folder, "other.yml"))).toBe(false);
  });
});

describe("without a server", () => {
  test("ci list and ci plan tell what a checkout has, and end with 1 where a file is wrong", async () => {
    const workflows = join(folder, "checkout/.github/workflows");
    mkdirSync(workflows, { recursive: true });
    const good =
      "name: CI\non: [push]\njobs:\n  lint: {runs-on: x}\n  test: {needs: lint, runs-on: x, strategy: {matrix: {n: [1, 2]}}}\n  called: {uses: ./.github/workflows/called.yml}\n";
    writeFileSync(join(workflows, "ci.yml"), good);
    writeFileSync(
      join(workflows, "called.yml"),
      "on: {workflow_call: {inputs: {n: {type: number, required: true}}}}\njobs: {a: {runs-on: x}}\n",
    );
    const offline = (...args: string[]) => cli(args, { cwd: join(workflows, "..") });
    const listed = await offline("ci", "list");
    expect([listed.code, listed.stdout]).toEqual([
      0,
      ".github/workflows/called.yml\t.github/workflows/called.yml\tworkflow_call\ta\t0\n.github/workflows/ci.yml\tCI\tpush\tlint, test, called\t0\n",
    ]);
    const planned = await offline("ci", "plan", "--json");
    expect(planned.code).toBe(1);
    const [, ci] = JSON.parse(planned.stdout).workflows;
    expect(ci).toMatchObject({ file: ".github/workflows/ci.yml", levels: [["lint", "called"], ["test"]] });
    expect(ci.jobs.find(({ id }: { id: string }) => id === "test").instances).toEqual([
      { name: "test (1)", matrix: { n: 1 } },
      { name: "test (2)", matrix: { n: 2 } },
    ]);
    expect(ci.problems).toEqual([
      expect.objectContaining({
        path: ".github/workflows/ci.yml",
        line: 6,
        message: "Job 'called': Input 'n' is required, but not provided.",
      }),
    ]);
    const shown = await offline("ci", "plan", join(workflows, "ci.yml"));
    expect(shown.stdout).toBe(
      "CI .github/workflows/ci.yml\n  1\n    lint\n    called uses ./.github/workflows/called.yml\n  2\n    test (1) needs lint\n    test (2) needs lint\n",
    );
    expect(shown.stderr).toContain(".github/workflows/ci.yml:6:11: error: Job 'called': Input 'n' is required");
    expect((await cli(["ci", "plan"], { cwd: tmpdir() })).code).toBe(2);
  });
});
