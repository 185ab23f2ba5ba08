import { z } from "zod";
import { type JobHost, type JobOutcome, type JobRun, runJob } from "../../packages/glovebox/src/ci/runner/index.ts";
import { parseWorkflow } from "../../packages/glovebox/src/ci/workflow/parse-workflow.ts";
import type { ExecutionInput } from "../../packages/glovebox/src/core/index.ts";
import { defineProgram } from "../../packages/glovebox/src/engine/index.ts";
import { createRedactor } from "../../packages/glovebox/src/governance/index.ts";
import { openRunStage } from "../../packages/glovebox/src/runs/testing/run-stage.ts";
import { TENANT } from "../../packages/glovebox/src/sessions/testing/stage.ts";
import { type Case, timeEach } from "../harness.ts";

const STEPS = 60;
const WARM_UP = 5;

/** A job of steps that do nothing. */
function jobOf(): JobRun {
  const steps = "      - run: ':'\n".repeat(STEPS + WARM_UP);
  const text = `on: push\njobs:\n  build:\n    runs-on: x\n    steps:\n${steps}`;
  const { workflow } = parseWorkflow({ path: "bench.yml", text });
  const job = workflow?.jobs[0];
  if (workflow === undefined || job?.kind !== "steps") throw new Error("the workflow cannot be read");
  const github = {
    event_name: "push",
    event: {},
    repository: "acme/widgets",
    sha: "0".repeat(40),
    ref: "refs/heads/main",
    workflow: "bench",
    run_id: "1",
  };
  return {
    key: "build",
    name: "build",
    job,
    workflow: { name: "bench", path: "bench.yml", env: {}, defaults: {} },
    contexts: { github, vars: {}, inputs: {}, matrix: {}, strategy: {}, needs: {} },
    template: "ci",
    snapshots: "never",
    secretsAllowed: false,
  };
}

/**
 * From the beginning of one step of a job to that of the next, each an engine's step with a shell in it; beside the same command by `executions.start` in such a session. What
 * counts is the difference: 10 ms at most.
 */
export const ciStep: Case = {
  name: "ci.step",
  unit: "ms",
  async run() {
    await using at = await openRunStage({ redactor: createRedactor("default") });
    const host: JobHost = {
      secrets: async () => ({}),
      source: async () => Promise.reject(new Error("there is no repository")),
      action: async () => Promise.reject(new Error("there are no actions")),
      progress: () => {},
    };
    const any = { input: z.unknown(), output: z.unknown() };
    const job = jobOf();
    const program = defineProgram({
      name: "bench-ci",
      version: "1",
      ...any,
      run: (context) => runJob(context, at.sandboxes, job, host),
    });
    const outcome = (await at.engine.result(TENANT, await at.start(program, {}))) as JobOutcome;
    const begins = outcome.steps.slice(WARM_UP).map(({ startedAtMs = 0 }) => startedAtMs);
    const samples = begins.slice(1).map((begin, index) => begin - (begins[index] ?? begin));
    const session = await at.stage.session({ template: "ci" });
    const { executions, sessions } = at.stage.services;
    await (await sessions.files(TENANT, session)).write("script.sh", Buffer.from(":\n"));
    const bare = await timeEach(STEPS, WARM_UP, async () => {
      const request: ExecutionInput = { kind: "command", argv: ["bash", "-e", "/workspace/script.sh"], stdin: "" };
      await (await executions.start(TENANT, session, request)).finished;
    });
    return { samples, floor: { name: "the command by executions.start", samples: bare } };
  },
};
