import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TENANT } from "../../sessions/testing/stage.ts";
import { type JobEnd, type JobStage, openJobStage } from "../testing/job-stage.ts";

const SECRET = "correct-horse-battery";

function conclusions({ outcome }: JobEnd) {
  return Object.fromEntries(outcome.steps.map(({ name, conclusion }) => [name, conclusion]));
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 40_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error("waited too long");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("a job", { timeout: 60_000 }, () => {
  let stage: JobStage;
  beforeAll(async () => {
    stage = await openJobStage();
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  /** All that the journal of a run says, as text. */
  async function journal(runId: string): Promise<string> {
    let text = "";
    for await (const record of stage.at.engine.journal(TENANT, runId)) text += JSON.stringify(record);
    return text;
  }

  // https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idsteps
  it("runs steps in one session: environment, outputs, shells, folders, conditions", async () => {
    const end = await stage.run({
      yaml: `
on: push
env: { LEVEL: workflow, A: a }
defaults: { run: { working-directory: sub } }
jobs:
  build:
    runs-on: ubuntu-latest
    env: { LEVEL: job, B: "\${{ github.ref_name }}" }
    outputs: { answer: "\${{ steps.one.outputs.answer }}" }
    environment: { name: prod, url: "https://\${{ steps.one.outputs.answer }}.example" }
    steps:
      - { run: mkdir -p sub, working-directory: . }
      - id: one
        run: |
          echo "answer=42" >> "$GITHUB_OUTPUT"
          printf 'TEXT<<E\\nline 1\\nline 2\\nE\\nGITHUB_SHA=mine\\nNODE_OPTIONS=--inspect\\n' >> "$GITHUB_ENV"
          mkdir -p /workspace/bin && printf '#!/bin/sh\\necho found' > /workspace/bin/tool && chmod +x /workspace/bin/tool
          echo /workspace/bin >> "$GITHUB_PATH"
          echo "# Summary of one" >> "$GITHUB_STEP_SUMMARY"
      - name: two
        env: { LEVEL: step }
        run: |
          echo "$LEVEL $A $B \${{ steps.one.outputs.answer }} \${{ env.LEVEL }} $CI $GITHUB_REPOSITORY $(basename $PWD)"
          echo "$TEXT|$GITHUB_SHA|\${NODE_OPTIONS-none}|$(tool)|$RUNNER_OS"
          node -p 'require(process.env.GITHUB_EVENT_PATH).ref'
      - { name: own path, env: { PATH: /usr/bin:/bin }, run: 'echo "$(tool) $PATH"' }
      - name: python
        shell: python
        env: { p: x, a-b: dash, UID: 7, OPTIND: none, "Q'": "it's $HOME" }
        run: import os; print('py', *[os.environ[name] for name in ['LEVEL', 'p', 'a-b', 'UID', 'OPTIND', "Q'"]])
      - { name: custom, shell: "perl {0}", run: "print 'perl';", continue-on-error: true }
      - { name: pipe, shell: bash, run: "false | true", continue-on-error: true, id: pipe }
      - { name: no pipe, run: "false | true" }
      - { name: outcome, run: 'test "\${{ steps.pipe.outcome }} \${{ steps.pipe.conclusion }}" = "failure success"' }
      - { name: fails, run: "echo oops >&2; exit 7" }
      - { name: not run, run: "true" }
      - { name: never, if: "\${{ success() && true }}", run: "true" }
      - { name: on failure, if: failure(), run: "echo \${{ job.status }}" }
      - { name: always, if: "always() && steps.one.outputs.answer == '42'", run: "true" }
`,
    });
    const { outcome, log, step } = end;
    expect(conclusions(end)).toMatchObject({
      two: "success",
      python: "success",
      pipe: "success",
      "no pipe": "success",
      outcome: "success",
      fails: "failure",
      "not run": "skipped",
      never: "skipped",
      "on failure": "success",
      always: "success",
    });
    const sha = "0123456789abcdef0123456789abcdef01234567";
    expect(await log(step("two"))).toBe(
      `step a main 42 step true acme/widgets sub\nline 1\nline 2|${sha}|none|found|Linux\nrefs/heads/main\n`,
    );
    expect(await log(step("own path"))).toBe("found /workspace/bin:/usr/bin:/bin\n");
    expect(await log(step("python"))).toBe("py job x dash 7 none it's $HOME\n");
    expect(step("one")).toMatchObject({
      outputs: { answer: "42" },
      summary: "# Summary of one\n",
      annotations: [{ level: "error", message: expect.stringContaining("NODE_OPTIONS") }],
    });
    expect(step("fails")).toMatchObject({ exitCode: 7, error: "Process completed with exit code 7." });
    expect(await log(step("on failure"))).toBe("failure\n");
    expect(outcome).toMatchObject({
      conclusion: "failure",
      outputs: { answer: "42" },
      environmentUrl: "https://42.example",
    });
    expect(await stage.at.open()).toBe(0);
    expect(await stage.at.engine.replay(TENANT, end.runId)).toMatchObject({ identical: true });
  });

  it("shows no secret anywhere, and gives steps the values as they are", async () => {
    const end = await stage.run({
      secrets: { TOKEN: SECRET },
      yaml: `
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    outputs: { leak: "\${{ steps.a.outputs.token }}", fine: "\${{ steps.a.outputs.fine }}" }
    steps:
      - id: a
        name: a
        env: { T: "\${{ secrets.TOKEN }}" }
        run: |
          echo "token is $T or \${{ secrets.TOKEN }}"
          echo "::error title=$T::leaked $T"
          { echo "token=$T"; echo fine=yes; } >> $GITHUB_OUTPUT
          echo "KEEP=$T" >> $GITHUB_ENV
          echo "summary $T" >> $GITHUB_STEP_SUMMARY
          made=$(echo made-of-parts | tr a-z n-za-m)
          echo "::add-mask::$made"
          echo "made $made"
          echo "MADE=$made" >> $GITHUB_ENV
      - name: b
        if: "startsWith(steps.a.outputs.token, 'correct-horse')"
        run: |
          test "$KEEP" = "\${{ steps.a.outputs.token }}"
          echo "\${#KEEP} $MADE \${{ env.MADE }}"
          test "$MADE" = "$(echo made-of-parts | tr a-z n-za-m)"
      - name: long
        run: |
          ${"# padding, so that this script is longer than what is handed over at once\n          ".repeat(1_000)}
          echo "$KEEP $KEEP" | wc -c
      - { name: swept, run: 'test "$(ls /workspace/.runner/steps)" = 4' }
`,
    });
    const { outcome, log, step, runId } = end;
    expect(conclusions(end)).toEqual({ a: "success", b: "success", long: "success", swept: "success" });
    expect(await log(step("a"))).toBe(
      "token is [redacted] or [redacted]\n::error title=[redacted]::leaked [redacted]\n::add-mask::[redacted]\nmade [redacted]\n",
    );
    expect(await log(step("b"))).toBe(`${SECRET.length} [redacted] [redacted]\n`);
    expect(await log(step("long"))).toBe(`${2 * SECRET.length + 2}\n`);
    expect(step("a")).toMatchObject({ outputs: { token: "[redacted]", fine: "yes" }, summary: "summary [redacted]\n" });
    expect(outcome.outputs).toEqual({ fine: "yes" });
    expect(step("swept")?.annotations.at(-1)?.message).toContain("Skip output 'leak'");
    const { executions } = stage.at.stage.services;
    const rows = JSON.stringify(await executions.list(TENANT, { limit: 500 }));
    for (const text of [JSON.stringify(outcome), await journal(runId), rows]) {
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain("znqr-bs-cnegf");
    }
  });

  it("ends a step's processes at its deadline, and bounds a log without end", async () => {
    const end = await stage.run({
      yaml: `
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - { name: slow, timeout-minutes: 0.01, run: "(sleep 987653 & sleep 987653) & wait" }
      - { name: gone, if: failure(), run: "sleep 0.2; ! pgrep -f 98765[3]" }
      - { name: flood, if: always(), run: "yes 0123456789 | head -c 20000000; echo ok=1 >> $GITHUB_OUTPUT" }
`,
      more: { template: "python" },
    });
    const { step, log } = end;
    expect(step("slow")).toMatchObject({ conclusion: "failure", error: "The step has timed out after 0.01 minutes." });
    expect(step("gone")).toMatchObject({ conclusion: "success" });
    expect(step("flood")).toMatchObject({ conclusion: "success", outputs: { ok: "1" } });
    expect((await log(step("flood"))).length).toBe(1_048_576);
  });

  // https://docs.github.com/en/actions/concepts/workflows-and-actions/workflow-cancellation
  it("is cancelled by a signal: the step ends with its processes, and what must run afterwards does", async () => {
    let isRunning = false;
    const begun = await stage.begin({
      yaml: `
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - { id: slow, name: slow, run: "(sleep 987652 & sleep 987652) & wait" }
      - { name: not run, run: "true" }
      - { name: on cancel, if: cancelled(), run: "! pgrep -f 98765[2]" }
      - { name: on failure, if: failure(), run: "true" }
      - { name: always, if: always(), run: "echo \${{ job.status }} \${{ steps.slow.outcome }}" }
`,
      more: { key: "to-cancel" },
      onProgress: (_job, _steps, current) => {
        isRunning ||= (current?.executionIds.length ?? 0) > 0;
      },
    });
    await until(() => isRunning);
    await stage.at.engine.signal(TENANT, begun.runId, "cancel:to-cancel");
    const end = await begun.end();
    expect(conclusions(end)).toEqual({
      slow: "cancelled",
      "not run": "skipped",
      "on cancel": "success",
      "on failure": "skipped",
      always: "success",
    });
    expect(end.outcome.conclusion).toBe("cancelled");
    expect(end.step("slow")?.executionIds).toHaveLength(1);
    expect(await end.log(end.step("always"))).toBe("cancelled cancelled\n");
    expect(await stage.at.engine.replay(TENANT, begun.runId)).toMatchObject({ identical: true });
  });

  it("fails when somebody else ends a step's process", async () => {
    let execution: string | undefined;
    const begun = await stage.begin({
      yaml: "on: push\njobs: { a: { runs-on: x, steps: [{ name: slow, run: sleep 987650 }, { name: next, run: 'true' }] } }",
      onProgress: (_job, _steps, current) => {
        execution ??= current?.executionIds[0];
      },
    });
    await until(() => execution !== undefined);
    await stage.at.stage.services.executions.cancel(TENANT, execution ?? "");
    const end = await begun.end();
    expect(conclusions(end)).toEqual({ slow: "cancelled", next: "skipped" });
    expect(end.outcome.conclusion).toBe("failure");
  });

  it("is ended at its own deadline, without secrets where it may have none", async () => {
    const end = await stage.run({
      yaml: `
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    timeout-minutes: 0.02
    steps:
      - { name: none, run: "test -z '\${{ secrets.TOKEN }}'" }
      - { name: slow, run: sleep 987651 }
      - { name: always, if: always(), run: "! pgrep -f 98765[1]" }
`,
    });
    expect(conclusions(end)).toEqual({ none: "success", slow: "cancelled", always: "success" });
    expect(end.outcome).toMatchObject({
      conclusion: "cancelled",
      error: "The job has exceeded the maximum execution time of 0.02 minutes.",
    });
  });

  it("goes on after its engine was closed in the middle: finished steps are not run again, nor is the one at work", async () => {
    let atWork = false;
    const begun = await stage.begin({
      secrets: { TOKEN: SECRET },
      yaml: `
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    outputs: { n: "\${{ steps.last.outputs.n }}" }
    steps:
      - { id: one, name: one, run: "echo run >> /workspace/one; echo t=\${{ secrets.TOKEN }} >> $GITHUB_OUTPUT; echo '::add-mask::another-value'" }
      - { name: two, run: "echo run >> /workspace/two; echo '::warning::before'; until test -e /workspace/go; do sleep 0.05; done; echo another-value" }
      - { id: last, name: last, run: "test '\${{ steps.one.outputs.t }}' = '\${{ secrets.TOKEN }}'; echo n=$(cat /workspace/one /workspace/two | wc -l) >> $GITHUB_OUTPUT" }
`,
      more: { snapshots: "after_each_step" },
      onProgress: (_job, steps, current) => {
        atWork ||= steps.length === 1 && (current?.executionIds.length ?? 0) > 0;
      },
    });
    await until(() => atWork);
    await stage.at.reopen([begun.program]);
    const { sessions } = stage.at.stage.services;
    const [session] = (await sessions.list(TENANT, { status: ["ready"] })).items;
    await (await sessions.files(TENANT, session?.id ?? "")).write("go", Buffer.from(""));
    const end = await begun.end();
    expect(conclusions(end)).toEqual({ one: "success", two: "success", last: "success" });
    expect(end.outcome.outputs).toEqual({ n: "2" });
    expect(end.step("two")).toMatchObject({ annotations: [{ level: "warning", message: "before" }] });
    expect(await end.log(end.step("two"))).toBe("::warning::before\n[redacted]\n");
  });

  it("refuses what needs an image of a container, and says so", async () => {
    const { outcome } = await stage.run({
      yaml: "on: push\njobs: { a: { runs-on: x, container: 'node:20', steps: [{ run: 'true' }] } }",
    });
    expect(outcome).toMatchObject({ conclusion: "failure", steps: [], error: expect.stringContaining("'container'") });
  });
});
