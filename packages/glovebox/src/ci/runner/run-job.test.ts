import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type JobStage, openJobStage } from "../testing/job-stage.ts";

describe("a job", { timeout: 60_000 }, () => {
  let stage: JobStage;
  beforeAll(async () => {
    stage = await openJobStage();
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it("runs steps with environment at three levels and outputs in one session", async () => {
    const { outcome, log, step } = await stage.run({
      yaml: `
on: push
env: { LEVEL: workflow, A: a }
jobs:
  build:
    runs-on: ubuntu-latest
    env: { LEVEL: job, B: "\${{ github.ref_name }}" }
    outputs: { answer: "\${{ steps.one.outputs.answer }}" }
    steps:
      - id: one
        run: |
          echo "answer=42" >> "$GITHUB_OUTPUT"
          echo "$LEVEL $A $B" > ../level
      - name: two
        env: { LEVEL: step }
        run: echo "$LEVEL $(cat ../level) \${{ steps.one.outputs.answer }} $CI $GITHUB_REPOSITORY"
      - run: test "\${{ steps.one.outputs.answer }}" = 42
`,
    });
    expect(outcome.steps.map(({ conclusion, error }) => [conclusion, error])).toEqual([
      ["success", undefined],
      ["success", undefined],
      ["success", undefined],
    ]);
    expect(await log(step("two"))).toBe("step job a main 42 true acme/widgets\n");
    expect(outcome).toMatchObject({ conclusion: "success", outputs: { answer: "42" } });
  });
});
