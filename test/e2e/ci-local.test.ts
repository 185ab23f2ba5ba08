import { describe, expect, test } from "vitest";
import { cli } from "../../packages/glovebox/src/cli/testing/cli.ts";
import { folderOf, WORKFLOW } from "../support/ci.ts";

const TEXT = `name: Local
on:
  push: {branches: ["*"]}
  workflow_dispatch: {inputs: {n: {type: number, default: 1}}}
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - id: say
        run: |
          echo "secret $TOKEN"
          echo "n=\${{ inputs.n }} var=\${{ vars.V }}"
          echo "v=\${{ inputs.n }}" >> "$GITHUB_OUTPUT"
        env: {TOKEN: "\${{ secrets.TOKEN }}"}
  test:
    needs: build
    runs-on: ubuntu-latest
    strategy: {fail-fast: false, matrix: {n: [1, 2]}}
    steps:
      - run: exit \${{ matrix.n - 1 }}
`.replace("exit ${{ matrix.n - 1 }}", "test ${{ matrix.n }} = 1");

describe("`glovebox ci run` without a server", { timeout: 120_000 }, () => {
  test("runs the checkout's workflows, prints what is fixed for scripts, and fails as they do", async () => {
    await using folder = await folderOf({ [WORKFLOW]: TEXT });
    const { code, stdout, stderr } = await cli(["ci", "run", "--json"], { cwd: folder.path });
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    const { workflows } = JSON.parse(stdout);
    expect(workflows).toMatchObject([
      {
        file: WORKFLOW,
        name: "Local",
        conclusion: "failure",
        jobs: [
          { id: "build", name: "build", matrix: {}, conclusion: "success" },
          { id: "test", name: "test (1)", matrix: { n: 1 }, conclusion: "success" },
          {
            id: "test",
            name: "test (2)",
            matrix: { n: 2 },
            conclusion: "failure",
            steps: [{ conclusion: "failure", exitCode: 1 }],
          },
        ],
      },
    ]);
  });

  test("takes an event, inputs, secrets, variables, a job and a combination; a pipe gets lines", async () => {
    await using folder = await folderOf({ [WORKFLOW]: TEXT });
    const words = ["ci", "run", "-e", "workflow_dispatch", "--input", "n=7", "--secret", "TOKEN", "--var", "V=w"];
    const env = { TOKEN: "local-s3cret-value" };
    const { code, stdout } = await cli([...words, "-j", "test", "-m", "n=1"], { cwd: folder.path, env });
    expect(code).toBe(0);
    expect(stdout).toContain("build | secret [redacted]\n");
    expect(stdout).toContain("build | n=7 var=w\n");
    expect(stdout).toContain("✓  test (1)");
    expect(stdout).not.toContain("test (2)");
    expect(stdout).not.toContain("local-s3cret-value");
    const missing = await cli(["ci", "run", "--secret", "NOT_THERE"], { cwd: folder.path });
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining("NOT_THERE") });
  });

  test("shows with --dry-run what would run, and runs nothing", async () => {
    await using folder = await folderOf({ [WORKFLOW]: TEXT });
    const { code, stdout } = await cli(["ci", "run", "--dry-run", "-j", "test", "-m", "n=2"], { cwd: folder.path });
    expect(code).toBe(0);
    expect(stdout).toContain("  build\n  test (2)  after build\n");
    const other = await cli(["ci", "run", "--dry-run", "--json", "-e", "release"], { cwd: folder.path });
    expect(other).toMatchObject({ code: 0, stdout: `${JSON.stringify({ workflows: [] })}\n` });
  });
});
