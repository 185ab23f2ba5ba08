import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TENANT } from "../../sessions/testing/stage.ts";
import { type CiStage, openCiStage, WORKFLOW } from "./testing/ci-stage.ts";

/** Fails until somebody puts a file in its workspace, or the environment has changed: here, until the second time. */
const TEXT = `on: push
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - name: Prepare
        run: date +%N > made; echo prepared
      - name: Fail
        run: |
          echo trace >> trace
          echo "lines: $(wc -l < trace)"
          exit 4
      - run: echo never
  other:
    runs-on: ubuntu-latest
    steps:
      - run: "true"
`;

describe("a job that has failed", { timeout: 60_000 }, () => {
  let at: CiStage;
  beforeAll(async () => {
    at = await openCiStage({ settings: { snapshots: "after_each_step", runTimeoutMs: 600_000, labels: {} } });
  });
  afterAll(async () => {
    await at[Symbol.asyncDispose]();
  });

  test("goes on from its failed step in the state before it, and its end can be looked into", async () => {
    const [begun] = await at.start({ [WORKFLOW]: TEXT });
    const run = await at.end(begun?.id ?? "");
    expect(run.jobs.map(({ conclusion }) => conclusion)).toEqual(["failure", "success"]);

    const { sessionId } = await at.ci.debug(TENANT, run.id, "one");
    const seen = await at.stage.run(sessionId, { kind: "command", argv: ["sh", "-c", "cat repo/trace; ls repo"] });
    expect(seen.out).toContain("trace");
    expect(seen.out).toContain("made");
    await at.stage.services.sessions.close(TENANT, sessionId);
    await expect(at.ci.debug(TENANT, run.id, "other")).rejects.toMatchObject({ code: "conflict" });

    const again = await at.ci.retry(TENANT, run.id);
    expect(again.id).toBe(run.id);
    const ended = await at.end(run.id);
    expect(ended).toMatchObject({ conclusion: "failure", number: run.number });
    // The step before was not done again, and what the failed one had written was gone.
    expect(ended.jobs[0]?.steps[0]).toEqual(run.jobs[0]?.steps[0]);
    const failed = ended.jobs[0]?.steps.find(({ name }) => name === "Fail");
    expect(failed?.executionIds).not.toEqual(run.jobs[0]?.steps[1]?.executionIds);
    const lines: string[] = [];
    for await (const { step, text } of at.ci.logs(TENANT, run.id, { job: "one" }))
      if (step.name === "Fail") lines.push(text);
    expect(lines.join("")).toContain("lines: 1");
    expect(await at.open()).toBe(0);
  });
});
