import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CiRun } from "../../core/index.ts";
import type { Program } from "../../engine/index.ts";
import { TENANT } from "../../sessions/testing/stage.ts";
import { type CiStage, openCiStage, WORKFLOW } from "./testing/ci-stage.ts";

const on = (events: string, jobs: string) => `on: ${events}\njobs:\n${jobs}`;
const job = (name: string, more: string, run = "true") =>
  `  ${name}:\n    runs-on: ubuntu-latest\n${more === "" ? "" : `    ${more.replaceAll("\n", "\n    ")}\n`}    steps:\n      - run: ${run}\n`;
const ends = (run: CiRun) => Object.fromEntries(run.jobs.map(({ name, conclusion }) => [name, conclusion]));

describe("a run of a workflow", { timeout: 60_000 }, () => {
  let at: CiStage;
  beforeAll(async () => {
    at = await openCiStage();
  });
  afterAll(async () => {
    await at[Symbol.asyncDispose]();
  });

  test("has a sandbox for its job, which is gone afterwards; a replay comes to the same", async () => {
    const run = await at.run(on("push", job("one", "", "echo hello")));
    expect(run).toMatchObject({ status: "completed", conclusion: "success", number: 1, attempt: 1 });
    expect(run.jobs[0]).toMatchObject({ key: "one", conclusion: "success", steps: [{ conclusion: "success" }] });
    expect(await at.open()).toBe(0);
    const lines: string[] = [];
    for await (const { text } of at.ci.logs(TENANT, run.id)) lines.push(text);
    expect(lines.join("")).toContain("hello");
    expect(await at.engine.replay(TENANT, run.id)).toMatchObject({ identical: true });
  });

  test("hands outputs on, and makes a matrix of them", async () => {
    const list = 'outputs:\n  list: \'["b", "a"]\'';
    const matrix =
      "needs: first\nstrategy:\n  max-parallel: 1\n  matrix:\n    which: ${{ fromJSON(needs.first.outputs.list) }}";
    const last = "needs: [each]\nif: needs.each.outputs.said == 'said a'\nname: last of ${{ needs.each.result }}";
    const run = await at.run(
      on(
        "push",
        job("first", list) + job("each", `${matrix}\noutputs:\n  said: said \${{ matrix.which }}`) + job("last", last),
      ),
    );
    expect(ends(run)).toEqual({
      first: "success",
      "each (b)": "success",
      "each (a)": "success",
      "last of success": "success",
    });
    expect(run.jobs.map(({ key }) => key)).toEqual(["first", "each-m1", "each-m2", "last"]);
  });

  test("goes on after a failure only where that is asked for", async () => {
    const run = await at.run(
      on(
        "push",
        job("bad", "", "exit 3") +
          job("odd", "continue-on-error: true", "exit 1") +
          job("after", "needs: bad") +
          job("clean", "needs: bad\nif: always()") +
          job("cure", "needs: after\nif: failure()") +
          job("skipped", "if: github.ref == 'refs/heads/other'") +
          job("late", "needs: skipped") +
          job("fine", "needs: odd"),
      ),
    );
    expect(run.conclusion).toBe("failure");
    expect(ends(run)).toEqual({
      ...{ bad: "failure", odd: "failure", after: "skipped", clean: "success" },
      ...{ cure: "success", skipped: "skipped", late: "skipped", fine: "success" },
    });
    expect(run.jobs.find(({ id }) => id === "odd")).toMatchObject({ continued: true });
    const odd = await at.run(on("push", job("odd", "continue-on-error: true", "exit 1")));
    expect(odd.conclusion).toBe("success");
  });

  test("ends the rest of a matrix when one fails, unless told not to", async () => {
    const matrix = (more: string) => `strategy:\n  ${more}matrix:\n    n: [1, 2]`;
    const run = "test ${{ matrix.n }} = 1 && sleep 60; exit 1";
    expect(ends(await at.run(on("push", job("m", matrix(""), run))))).toEqual({
      "m (1)": "cancelled",
      "m (2)": "failure",
    });
    const quick = "test ${{ matrix.n }} = 1 || exit 1";
    const both = await at.run(on("push", job("m", matrix("fail-fast: false\n  "), quick)));
    expect(ends(both)).toEqual({ "m (1)": "success", "m (2)": "failure" });
  });

  test("runs a workflow that a job calls, with inputs, outputs and its own jobs", async () => {
    const called = `on:
  workflow_call:
    inputs:
      who: {type: string, required: true}
    outputs:
      greeting: {value: "\${{ jobs.inner.outputs.text }}"}
jobs:
${job("inner", "outputs:\n  text: hello ${{ inputs.who }}")}${job("more", "needs: inner")}`;
    const caller = `  call:\n    uses: ./.github/workflows/called.yml\n    with: {who: "\${{ github.event_name }}"}\n`;
    const [run] = await at.start({
      [WORKFLOW]: on("push", caller + job("after", "needs: call\nname: ${{ needs.call.outputs.greeting }}")),
      ".github/workflows/called.yml": called,
    });
    const ended = await at.end(run?.id ?? "");
    expect(ends(ended)).toEqual({ "call / inner": "success", "call / more": "success", "hello push": "success" });
    expect(ended.jobs.map(({ key }) => key)).toEqual(["call-w-inner", "call-w-more", "after"]);
    const wrong = await at.start({ [WORKFLOW]: on("push", "  call:\n    uses: ./.github/workflows/none.yml\n") });
    expect((await at.end(wrong[0]?.id ?? "")).jobs[0]).toMatchObject({
      conclusion: "failure",
      error: expect.stringContaining("none.yml"),
    });
  });

  test("says of a file that is wrong what and where, and of a label that it is not known", async () => {
    const wrong = await at.run("on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    stepps: []\n");
    expect(wrong).toMatchObject({ conclusion: "failure", error: expect.stringMatching(/w\.yml:\d+:\d+: .*stepps/) });
    const label = await at.run(on("push", job("a", "").replace("ubuntu-latest", "windows-latest")));
    expect(label.jobs[0]).toMatchObject({ conclusion: "failure", error: expect.stringContaining("windows-latest") });
  });

  test("is cancelled gracefully: its step is ended, what asks for it still runs", async () => {
    const text = on(
      "push",
      job("long", "", "sleep 60") + job("clean", "needs: long\nif: always()") + job("no", "needs: long"),
    );
    const [run] = await at.start({ [WORKFLOW]: text });
    const id = run?.id ?? "";
    await at.until(id, ({ jobs }) => jobs.some(({ steps }) => steps.length > 0));
    await at.ci.cancel(TENANT, id, "enough");
    const ended = await at.end(id);
    expect(ended).toMatchObject({ conclusion: "cancelled", error: "enough" });
    expect(ends(ended)).toEqual({ long: "cancelled", clean: "success", no: "cancelled" });
    expect(await at.open()).toBe(0);
    await expect(at.ci.cancel(TENANT, id)).rejects.toMatchObject({ code: "conflict" });
  });

  test("takes its turn in a concurrency group: one works, one waits, and a third takes the place of that one", async () => {
    const text = (cancel: boolean) =>
      `concurrency: {group: "g-${cancel}", cancel-in-progress: ${cancel}}\n${on("push", job("a", "", "sleep 60"))}`;
    const begin = async (cancel: boolean) => (await at.start({ [WORKFLOW]: text(cancel) }))[0]?.id ?? "";
    const works = ({ jobs }: CiRun) => jobs.some(({ steps }) => steps.length > 0);
    const [first, second, third] = [await begin(false), await begin(false), await begin(false)];
    const replaced = await Promise.race([at.end(second), at.end(third)]);
    expect(replaced).toMatchObject({ conclusion: "cancelled", error: expect.stringContaining("concurrency group") });
    const waiting = replaced.id === second ? third : second;
    await at.until(first, works);
    await at.ci.cancel(TENANT, first);
    await at.until(waiting, works);
    await at.ci.cancel(TENANT, waiting);
    await at.end(waiting);
    const old = await begin(true);
    await at.until(old, works);
    const newer = await begin(true);
    expect(await at.end(old)).toMatchObject({ conclusion: "cancelled" });
    await at.until(newer, works);
    await at.ci.cancel(TENANT, newer);
    await at.end(newer);
  });

  test("is run again as another attempt, which keeps what succeeded", async () => {
    const text = on(
      "push",
      job("good", "outputs: {v: x}") + job("bad", "needs: good", "exit 1") + job("on", "needs: bad"),
    );
    const run = await at.run(text);
    const again = await at.end((await at.ci.rerun(TENANT, run.id, { failedOnly: true })).id);
    expect(again).toMatchObject({ attempt: 2, number: run.number, rerunOf: run.id, conclusion: "failure" });
    expect(again.jobs).toMatchObject([
      { id: "good", kept: true, conclusion: "success", outputs: { v: "x" }, steps: [] },
      { id: "bad", conclusion: "failure" },
      { id: "on", conclusion: "skipped" },
    ]);
    expect(again.jobs[1]).not.toHaveProperty("kept");
    const whole = await at.end((await at.ci.rerun(TENANT, run.id)).id);
    expect(whole.jobs[0]).not.toHaveProperty("kept");
  });

  test("runs one job with what it needs, and chosen combinations, where that is asked for", async () => {
    const text = on(
      "push",
      job("a", "") + job("b", "needs: a\nstrategy:\n  matrix:\n    n: [1, 2]") + job("c", "needs: b"),
    );
    expect(ends(await at.run(text, { job: "b", matrix: { n: "2" } }))).toEqual({ a: "success", "b (2)": "success" });
    expect(await at.run(text, { job: "none" })).toMatchObject({
      conclusion: "failure",
      error: expect.stringContaining("none"),
    });
  });

  test("is begun by an event that fits, or by name", async () => {
    const files = {
      ".github/workflows/push.yml": on("{push: {branches: [main]}}", job("a", "")),
      ".github/workflows/other.yml": on("{push: {branches: [other]}}", job("a", "")),
      ".github/workflows/form.yml": on(
        "{workflow_dispatch: {inputs: {n: {type: number}}}}",
        job("a", "name: got ${{ toJSON(inputs.n) }}"),
      ),
    };
    const paths = (runs: readonly CiRun[]) =>
      runs.map(({ workflow }) => workflow.path.slice(".github/workflows/".length));
    expect(paths(await at.start(files))).toEqual(["push.yml"]);
    expect(paths(await at.start(files, { workflows: [".github/workflows/other.yml"] }))).toEqual(["other.yml"]);
    await expect(at.start(files, { workflows: ["none.yml"] })).rejects.toMatchObject({ code: "not_found" });
    const event = { name: "workflow_dispatch" };
    const [form] = await at.start(files, { event, inputs: { n: "4" } });
    expect(ends(await at.end(form?.id ?? ""))).toEqual({ "got 4": "success" });
    await expect(at.start(files, { event, inputs: { n: "x" } })).rejects.toMatchObject({ code: "invalid_argument" });
  });

  test("goes on with the next server: what is done is not done again", async () => {
    const text = on("push", job("a", "", "date +%N") + job("b", "needs: a", "sleep 3; echo over"));
    const [run] = await at.start({ [WORKFLOW]: text });
    const id = run?.id ?? "";
    const before = await at.until(id, ({ jobs }) => jobs[1]?.status === "in_progress" && jobs[1].steps.length > 0);
    await at.reopen();
    const after = await at.end(id);
    expect(after).toMatchObject({ conclusion: "success", number: before.number });
    expect(after.jobs[0]).toEqual(before.jobs[0]);
    expect(await at.open()).toBe(0);
  });

  test("does not begin by other ways than this", async () => {
    const program = at.engine.programs().find(({ name }) => name === "ci-workflow") as Program;
    const known = await at.run(on("push", job("a", "")));
    let input: object = {};
    for await (const record of at.engine.journal(TENANT, known.id)) {
      input = (record.payload as { input: object }).input;
      break;
    }
    const { id } = await at.engine.start(program, { ...input, repository: "some/other" }, { tenantId: TENANT });
    await expect(at.engine.result(TENANT, id)).rejects.toMatchObject({ code: "permission_denied" });
  });
});
