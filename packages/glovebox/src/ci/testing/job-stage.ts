import { join } from "node:path";
import { Readable } from "node:stream";
import { pack } from "tar-stream";
import { z } from "zod";
import { type StoredEvent, silentLogger, systemClock } from "../../core/index.ts";
import { defineProgram, type Program } from "../../engine/index.ts";
import { createEgress, createRedactor } from "../../governance/index.ts";
import { openRunStage, type RunStage } from "../../runs/testing/run-stage.ts";
import { TENANT } from "../../sessions/testing/stage.ts";
import { type JobHost, type JobOutcome, type JobRun, runJob, type StepOutcome } from "../runner/index.ts";
import { folderStorage } from "../toolkit/folder-storage.ts";
import type { JobStorage } from "../toolkit/job-storage.ts";
import { parseWorkflow } from "../workflow/parse-workflow.ts";

/** What a job of a test is given. */
export interface JobWish {
  /** The workflow file; its first job is run. */
  readonly yaml: string;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly contexts?: Partial<JobRun["contexts"]>;
  /** The repository: contents by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Repositories of actions, by `owner/name@ref`. */
  readonly actions?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly more?: Partial<JobRun>;
  readonly onProgress?: JobHost["progress"];
}

export interface JobEnd {
  readonly runId: string;
  readonly outcome: JobOutcome;
  /** Text of all that a step printed. */
  log(step: StepOutcome | undefined): Promise<string>;
  step(name: string): StepOutcome | undefined;
}

/** Jobs in real sessions under a real engine, with a redactor as a server has it. */
export interface JobStage extends AsyncDisposable {
  readonly at: RunStage;
  run(wish: JobWish): Promise<JobEnd>;
  /** Begins a job; its program is given, so that an engine that is opened again knows it. */
  begin(wish: JobWish): Promise<{ readonly runId: string; readonly program: Program; end(): Promise<JobEnd> }>;
}

let counter = 0;

export async function openJobStage(): Promise<JobStage> {
  await using opened = new AsyncDisposableStack();
  const egress = opened.use(
    createEgress({
      audit: { record: () => {} },
      logger: silentLogger,
      clock: systemClock,
      authorities: { get: async () => undefined, put: async () => {} },
    }),
  );
  const outside = { egress, checkNetwork: () => {}, bindSecrets: async () => [] };
  const at = opened.use(await openRunStage({ redactor: createRedactor("default"), outside }));
  const resources = opened.move();
  const folder = join(at.stage.dir, "ci");
  const scope = { tenantId: TENANT, repository: "acme/widgets", runId: "17", keptBy: "17" };
  const storage = folderStorage(folder, scope, { clock: systemClock, key: Buffer.alloc(32, 7) });
  const begin: JobStage["begin"] = async (wish) => {
    counter += 1;
    const job = jobOf(wish, `job-${counter}`);
    const program = defineProgram({
      name: `ci-test-${counter}`,
      version: "1",
      input: z.unknown(),
      output: z.unknown(),
      run: (context) => runJob(context, at.sandboxes, job, hostOf(wish, storage)),
    });
    const runId = await at.start(program, {});
    const end = async () => {
      const outcome = (await at.engine.result(TENANT, runId, AbortSignal.timeout(55_000))) as JobOutcome;
      return endOf(at, runId, outcome);
    };
    return { runId, program, end };
  };
  return {
    at,
    begin,
    run: async (wish) => (await begin(wish)).end(),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

export function jobOf({ yaml, contexts, more, secrets }: JobWish, key: string): JobRun {
  const { workflow, problems } = parseWorkflow({ path: ".github/workflows/test.yml", text: yaml });
  const job = workflow?.jobs[0];
  if (workflow === undefined || job?.kind !== "steps") throw new Error(JSON.stringify(problems));
  const github = {
    event_name: "push",
    event: { ref: "refs/heads/main", after: "0123456789abcdef0123456789abcdef01234567" },
    repository: "acme/widgets",
    repository_owner: "acme",
    sha: "0123456789abcdef0123456789abcdef01234567",
    ref: "refs/heads/main",
    ref_name: "main",
    workflow: workflow.name,
    run_id: "17",
    run_number: "3",
    run_attempt: "1",
    actor: "octocat",
    server_url: "https://github.com",
  };
  return {
    key,
    name: job.id,
    job,
    workflow: { name: workflow.name, path: workflow.path, env: workflow.env, defaults: workflow.defaults },
    contexts: { github, vars: {}, inputs: {}, matrix: {}, strategy: {}, needs: {}, ...contexts },
    template: "ci",
    snapshots: "never",
    secretsAllowed: secrets !== undefined,
    ...more,
  };
}

function hostOf(wish: JobWish, storage: JobStorage): JobHost {
  return {
    storage,
    secrets: async () => wish.secrets ?? {},
    source: async () => tarOf(wish.files ?? {}),
    action: async ({ owner, repo, ref }) => {
      const files = wish.actions?.[`${owner}/${repo}@${ref}`];
      if (files === undefined) throw new Error(`the test has no action ${owner}/${repo}@${ref}`);
      return { files: tarOf(files), commit: "c".repeat(40) };
    },
    progress: wish.onProgress ?? (() => {}),
  };
}

export function tarOf(files: Readonly<Record<string, string>>): AsyncIterable<Uint8Array> {
  const tar = pack();
  for (const [name, text] of Object.entries(files)) {
    tar.entry({ name, mode: text.startsWith("#!") ? 0o755 : 0o644 }, text);
  }
  tar.finalize();
  return Readable.from(tar);
}

function endOf(at: RunStage, runId: string, outcome: JobOutcome): JobEnd {
  return {
    runId,
    outcome,
    step: (name) => outcome.steps.find((step) => step.name === name || step.id === name),
    log: async (step) => {
      const { executions } = at.stage.services;
      const events: StoredEvent[] = [];
      for (const id of step?.executionIds ?? [])
        events.push(...(await executions.events(TENANT, id, { limit: 10_000 })));
      const texts = events.filter(({ type }) => type === "stdout" || type === "stderr");
      return texts.map(({ payload }) => ("text" in payload ? String(payload.text) : "")).join("");
    },
  };
}
