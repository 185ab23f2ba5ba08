import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glovebox } from "@glovebox/sdk";
import { describe, expect, test } from "vitest";
import { logOf, startWorkflow, until } from "../support/ci.ts";
import { useServer } from "../support/flow.ts";
import { startServer } from "../support/server.ts";

const job = (name: string, steps: string, more = "") =>
  `  ${name}:\n    runs-on: ubuntu-latest\n${more}    steps:\n${steps}`;
const LIVE = ["starting", "ready"] as const;

describe("workflows on a server", { timeout: 120_000 }, () => {
  const at = useServer();

  test("scripts, env, secrets, masks, outputs and `if: always()` do what GitHub does; parallel jobs have sandboxes of their own, all gone afterwards", async () => {
    const { box } = at;
    const script = `      - name: Script
        id: script
        env: {GREETING: "hello \${{ vars.WHO }}", TOKEN: "\${{ secrets.TOKEN }}"}
        run: |
          echo "$GREETING"
          echo "token: $TOKEN"
          echo "answer=\${{ 6 * 7 }}" | true
          echo "answer=42" >> "$GITHUB_OUTPUT"
          echo "on \${{ github.ref_name }} by \${{ github.event_name }}"
      - run: exit 3
      - if: always()
        run: echo "always \${{ steps.script.outputs.answer }}"
`.replace('          echo "answer=${{ 6 * 7 }}" | true\n', "");
    const side = "      - run: cat /proc/sys/kernel/random/boot_id >/dev/null; pwd; echo side > mine; sleep 1; ls\n";
    const text = `on: push\nenv: {LEVEL: workflow}\njobs:\n${job("one", script)}${job("two", side)}${job("three", side)}`;
    const begun = await startWorkflow(box, text, { secrets: { TOKEN: "s3cr3t-v4lue-0815" }, vars: { WHO: "world" } });
    await until(box, begun.id, ({ jobs }) => jobs.filter(({ status }) => status === "in_progress").length === 3);
    const sandboxes = await box.sessions.list({ metadata: { run: begun.id } });
    const run = await box.ci.wait(begun.id);
    expect(run).toMatchObject({ conclusion: "failure" });
    expect(Object.fromEntries(run.jobs.map(({ id, conclusion }) => [id, conclusion]))).toEqual({
      one: "failure",
      two: "success",
      three: "success",
    });
    const all = (await box.sessions.list({ metadata: { run: begun.id }, limit: 100 })).items;
    expect(new Set(all.map(({ metadata }) => metadata.sandbox))).toEqual(new Set(["one", "two", "three"]));
    expect(all.length).toBe(3);
    expect(sandboxes.items.length).toBeLessThanOrEqual(3);
    expect((await box.sessions.list({ status: LIVE })).items).toEqual([]);
    const log = await logOf(box, run.id, "one");
    expect(log).toContain("hello world");
    expect(log).toContain("on main by push");
    expect(log).toContain("always 42");
    expect(log).not.toContain("s3cr3t-v4lue-0815");
    expect(log).toContain("token: [redacted]");
    const journal: string[] = [];
    for await (const record of box.runs.follow(run.id)) journal.push(JSON.stringify(record));
    expect(journal.join("\n")).not.toContain("s3cr3t-v4lue-0815");
    expect(await box.runs.replay(run.id)).toMatchObject({ identical: true });
  });

  test("a cancel in the midst of a step ends its processes, and is reported as such", async () => {
    const { box } = at;
    const mark = `91827${process.pid}`;
    const text = `on: push\njobs:\n${job("long", `      - run: sleep ${mark} & sleep ${mark}\n      - if: cancelled()\n        run: echo tidied\n`)}`;
    const begun = await startWorkflow(box, text);
    await until(box, begun.id, ({ jobs }) => (jobs[0]?.steps.length ?? 0) > 0);
    await box.ci.cancel(begun.id, "not needed");
    const run = await box.ci.wait(begun.id);
    expect(run).toMatchObject({ conclusion: "cancelled", error: "not needed" });
    expect(run.jobs[0]?.steps.map(({ conclusion }) => conclusion)).toEqual(["cancelled", "success"]);
    expect(await logOf(box, run.id)).toContain("tidied");
    expect((await box.sessions.list({ status: LIVE })).items).toEqual([]);
    await expect(box.ci.cancel(begun.id)).rejects.toMatchObject({ code: "conflict" });
  });

  test("a failed step is retried out of the state before it, and its end can be entered", async () => {
    const { box } = at;
    const leak =
      '      - run: echo "$TOKEN" > leaked; echo before > kept\n        env:\n          TOKEN: ${{ secrets.TOKEN }}\n';
    const steps = `${leak}      - name: Fail\n        run: echo trace >> kept; exit 1\n`;
    const secrets = { TOKEN: "a-secret-that-a-step-wrote-down" };
    const begun = await startWorkflow(box, `on: push\njobs:\n${job("one", steps)}`, { secrets });
    const run = await box.ci.wait(begun.id);
    expect(run.conclusion).toBe("failure");
    const { sessionId } = await box.ci.debug(run.id, "one");
    const session = await box.sessions.get(sessionId);
    expect((await session.run("cat repo/kept", { language: "bash" })).stdout).toBe("before\ntrace\n");
    const leaked = (await session.run("wc -c < repo/leaked; cat repo/leaked", { language: "bash" })).stdout;
    expect(leaked).toMatch(/^32\n/);
    expect(leaked).not.toContain(secrets.TOKEN);
    await session.close();
    await box.ci.retry(run.id);
    const again = await until(box, run.id, ({ status }) => status === "completed");
    expect(again.jobs[0]?.steps[0]).toEqual(run.jobs[0]?.steps[0]);
    expect(again.jobs[0]?.steps[1]?.executionIds).not.toEqual(run.jobs[0]?.steps[1]?.executionIds);
    const other = await box.ci.debug(run.id, "one");
    const second = await box.sessions.get(other.sessionId);
    expect((await second.run("cat repo/kept", { language: "bash" })).stdout).toBe("before\ntrace\n");
    await second.close();
  });

  test("names and values that look like secrets reach steps, and other jobs, as they are", async () => {
    const { box } = at;
    const text = `on: { workflow_dispatch: { inputs: { password: { type: string } } } }
env: { DB_PASSWORD: postgres-password, MY_API_KEY: sk-abcdefghijklmnopqrstuvwxyz123456 }
jobs:
  one:
    runs-on: ubuntu-latest
    outputs: { token: "\${{ steps.a.outputs.token }}" }
    steps:
      - id: a
        run: |
          API_KEY=abcdefghijklmnop1234567890; echo "sizes \${#API_KEY} \${#DB_PASSWORD} \${#MY_API_KEY}"
          echo "token=tok-123456789" >> $GITHUB_OUTPUT
          echo "GH_TOKEN=ghp_abcdefghijklmnopqrstuvwxyz0123456789" >> $GITHUB_ENV
      - run: echo "then \${#GH_TOKEN} \${#T} \${#V} \${#I}"
        env: { T: "\${{ steps.a.outputs.token }}", V: "\${{ vars.APP_SECRET }}", I: "\${{ inputs.password }}" }
  two:
    needs: one
    runs-on: ubuntu-latest
    steps:
      - run: echo "other \${#T}"; exit 1
        env: { T: "\${{ needs.one.outputs.token }}" }
`;
    const vars = { APP_SECRET: "a-variable-that-is-none" };
    const more = { vars, inputs: { password: "given-in-the-clear" }, event: { name: "workflow_dispatch" } };
    const begun = await startWorkflow(box, text, more);
    const run = await box.ci.wait(begun.id);
    expect(await logOf(box, run.id)).toMatch(/sizes 26 17 35\n.*then 40 13 23 18\n.*other 13\n/s);
    const again = await box.ci.wait((await box.ci.rerun(run.id, { failedOnly: true })).id);
    expect(again.jobs.map(({ conclusion }) => conclusion)).toEqual(["success", "failure"]);
    expect(await logOf(box, again.id)).toMatch(/^other 13\n$/);
  });

  test("lists, another attempt, and requests that make no sense", async () => {
    const { box } = at;
    const begun = await startWorkflow(box, `on: push\njobs:\n${job("one", "      - run: exit 1\n")}`, {
      repository: "acme/listed",
    });
    await box.ci.wait(begun.id);
    const again = await box.ci.wait((await box.ci.rerun(begun.id, { failedOnly: true })).id);
    expect(again).toMatchObject({ attempt: 2, rerunOf: begun.id, number: 1 });
    const ids = async (filter: object) =>
      (await box.ci.list({ repository: "acme/listed", ...filter })).items.map(({ id }) => id);
    expect(await ids({})).toEqual([again.id, begun.id]);
    expect(await ids({ conclusion: "success" })).toEqual([]);
    expect(await ids({ limit: 1 })).toEqual([again.id]);
    await expect(box.ci.get("01920000-0000-7000-8000-000000000000")).rejects.toMatchObject({ code: "not_found" });
    await expect(
      box.ci.upload(new TextEncoder().encode("no tar at all, but long enough ".repeat(100))),
    ).rejects.toMatchObject({
      code: "invalid_argument",
    });
    await expect(startWorkflow(box, "on: push\njobs: {}", { workflows: ["none.yml"] })).rejects.toMatchObject({
      code: "not_found",
    });
  });
});

test("a run whose server is killed goes on with the next one and repeats no finished step", {
  timeout: 120_000,
}, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "glovebox-e2e-"));
  try {
    const first = await startServer({ dataDir });
    const box = await Glovebox.connect({ url: first.url, token: first.token });
    const token = (await box.tokens.create({ name: "lasting", roles: ["admin"] })).secret;
    const steps = "      - run: echo one >> count\n      - run: sleep 4; echo slept >> count\n      - run: cat count\n";
    const begun = await startWorkflow(
      box,
      `on: push\njobs:\n${job("long", steps)}${job("after", "      - run: 'true'\n", "    needs: long\n")}`,
    );
    await until(box, begun.id, ({ jobs }) => (jobs[0]?.steps.length ?? 0) > 1);
    await first.kill();

    await using second = await startServer({ dataDir });
    const again = await Glovebox.connect({ url: second.url, token });
    const run = await again.ci.wait(begun.id);
    expect(run.conclusion).toBe("success");
    expect(await logOf(again, run.id, "long")).toContain("one\nslept\n");
    expect((await again.sessions.list({ status: LIVE })).items).toEqual([]);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
