import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import threeChecks from "../../../../examples/three-checks.ts";
import { GloveboxError } from "../core/index.ts";
import { defineProgram, type Program, type ProgramContext } from "../engine/index.ts";
import { TENANT } from "../sessions/testing/stage.ts";
import type { RunSandbox, SandboxRequest } from "./run-sandbox.ts";
import { openRunStage, type RunStage } from "./testing/run-stage.ts";

const any = { input: z.unknown(), output: z.unknown() };
let counter = 0;

function programOf(run: (context: ProgramContext, input: unknown) => Promise<unknown>): Program {
  counter += 1;
  return defineProgram({ name: `test-${counter}`, version: "1", ...any, run });
}

/** What `look` gives once there is something. */
async function poll<T>(look: () => Promise<readonly T[]>): Promise<readonly T[]> {
  let found: readonly T[] = [];
  await until(async () => {
    found = await look();
    return found.length > 0;
  });
  return found;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error("waited too long");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("a run's sandbox", { timeout: 60_000 }, () => {
  let at: RunStage;
  beforeAll(async () => {
    at = await openRunStage();
  });
  afterAll(() => at[Symbol.asyncDispose]());
  const result = (id: string) => at.engine.result(TENANT, id, AbortSignal.timeout(50_000));
  const shell = (script: string): SandboxRequest => ({ kind: "command", argv: ["sh", "-c", script] });

  it("gives what an execution printed and how it ended, and is closed afterwards", async () => {
    const program = programOf((context) =>
      at.sandboxes.use(context, { template: "python" }, (sandbox) =>
        sandbox.execute(context, "say", shell("echo out; echo err >&2; exit 3")),
      ),
    );
    const id = await at.start(program, {});
    expect(await result(id)).toMatchObject({
      status: "error",
      exitCode: 3,
      stdout: "out\n",
      stderr: "err\n",
      truncated: false,
    });
    expect(await at.open()).toBe(0);
    expect((await at.engine.get(TENANT, id)).usage.sandboxSeconds).toBeGreaterThan(0);
    expect(await at.engine.replay(TENANT, id)).toMatchObject({ identical: true });
  });

  it("keeps files and state between steps, and gives values", async () => {
    const program = programOf((context) =>
      at.sandboxes.use(context, { template: "python" }, async (sandbox) => {
        await sandbox.execute(context, "write", shell("echo 41 > n"));
        await sandbox.execute(context, "read", {
          kind: "repl",
          language: "python",
          input: "n = int(open('n').read())",
        });
        return (await sandbox.execute(context, "add", { kind: "repl", language: "python", input: "n + 1" })).value;
      }),
    );
    expect(await result(await at.start(program, {}))).toBe(42);
  });

  it("bounds the text that it takes into the journal, and says so", async () => {
    const program = programOf((context) =>
      at.sandboxes.use(context, { template: "python" }, async (sandbox) => {
        const { stdout, stderr, truncated } = await sandbox.execute(
          context,
          "flood",
          shell("seq 1 100000; echo e >&2"),
        );
        return { length: stdout.length, stderr, truncated };
      }),
    );
    expect(await result(await at.start(program, {}))).toEqual({ length: 65_536, stderr: "e\n", truncated: true });
  });

  it("fails the step where the program asked for a check", async () => {
    const program = programOf((context) =>
      at.sandboxes.use(context, { template: "python" }, (sandbox) =>
        sandbox.execute(context, "check", shell("echo why >&2; exit 1"), { check: true }),
      ),
    );
    await expect(result(await at.start(program, {}))).rejects.toMatchObject({
      code: "test_failed",
      details: { exitCode: 1, stderr: "why\n" },
    });
    expect(await at.open()).toBe(0);
  });

  it("does a failed step again as a new execution", async () => {
    const program = programOf((context) =>
      at.sandboxes.use(context, { template: "python" }, async (sandbox) => {
        const retry = { maxAttempts: 3, firstDelayMs: 1, when: () => true };
        const script = "n=$(cat n 2>/dev/null || echo 0); n=$((n+1)); echo $n > n; test $n = 3 && echo $n";
        return (await sandbox.execute(context, "third time", shell(script), { check: true, retry })).stdout;
      }),
    );
    expect(await result(await at.start(program, {}))).toBe("3\n");
  });

  it("fixes what programs see of chance where asked", async () => {
    const look = shell("echo $PYTHONHASHSEED $TZ $LC_ALL $SOURCE_DATE_EPOCH $OWN");
    const program = programOf(async (context) => {
      const spec = { template: "python", env: { OWN: "mine" } };
      const fixed = await at.sandboxes.use(context, { ...spec, name: "fixed", deterministic: true }, (sandbox) =>
        sandbox.execute(context, "fixed", look),
      );
      const free = await at.sandboxes.use(context, { ...spec, name: "free" }, (sandbox) =>
        sandbox.execute(context, "free", { ...look, argv: ["sh", "-c", "echo [$PYTHONHASHSEED] $OWN"] }),
      );
      return [fixed.stdout, free.stdout];
    });
    expect(await result(await at.start(program, {}))).toEqual(["0 UTC C.UTF-8 0 mine\n", "[] mine\n"]);
  });

  it("ends the whole process tree when the run is cancelled, and closes the sandbox", async () => {
    const program = programOf((context) =>
      at.sandboxes.use(context, { template: "python" }, (sandbox) =>
        sandbox.execute(context, "forever", shell("(sleep 987654 & sleep 987654) & echo up; wait")),
      ),
    );
    const id = await at.start(program, {});
    const executions = async () => (await at.stage.services.executions.list(TENANT, { status: ["running"] })).items;
    await until(async () => {
      const [execution] = await executions();
      if (execution === undefined) return false;
      const events = await at.stage.services.executions.events(TENANT, execution.id);
      return events.some(({ type }) => type === "stdout");
    });
    await at.engine.cancel(TENANT, id, "enough");
    await expect(result(id)).rejects.toMatchObject({ code: "cancelled", message: "enough" });
    expect(await executions()).toEqual([]);
    expect(await at.open()).toBe(0);
  });

  it("leaves an execution alone when the engine closes, and finds it again with the next one", async () => {
    const program = programOf((context) =>
      at.sandboxes.use(context, { template: "python" }, (sandbox) =>
        sandbox.execute(context, "once", shell("echo x >> begun; while ! test -e go; do sleep 0.05; done; cat begun")),
      ),
    );
    const id = await at.start(program, {});
    const { executions, sessions } = at.stage.services;
    const [running] = await poll(async () => (await executions.list(TENANT, { status: ["running"] })).items);
    const before = (await executions.list(TENANT)).items.length;
    await at.reopen([program]);
    expect(await executions.get(TENANT, running?.id ?? "")).toMatchObject({ status: "running" });
    const files = await sessions.files(TENANT, running?.sessionId ?? "");
    await files.write("go", Buffer.from(""));
    expect(await result(id)).toMatchObject({ status: "ok", stdout: "x\n", executionId: running?.id });
    expect((await executions.list(TENANT)).items.length).toBe(before);
    expect(await at.engine.get(TENANT, id)).toMatchObject({ resumes: 1 });
  });

  it("ends an execution that uses up the budget while it is at work", async () => {
    const program = programOf((context) =>
      at.sandboxes.use(context, { template: "python" }, (sandbox) =>
        sandbox.execute(context, "long", shell("sleep 987655")),
      ),
    );
    const { id } = await at.engine.start(program, {}, { tenantId: TENANT, budget: { sandboxSeconds: 1.5 } });
    await expect(result(id)).rejects.toMatchObject({ code: "budget_exceeded", details: { what: "sandboxSeconds" } });
    await until(async () => (await at.open()) === 0);
  });

  it("counts what it does as tool calls, and begins none beyond the budget", async () => {
    const program = programOf((context) =>
      at.sandboxes.use(context, { template: "python" }, async (sandbox) => {
        await sandbox.execute(context, "one", shell("echo 1"));
        await sandbox.execute(context, "two", shell("echo 2"));
        return sandbox.execute(context, "three", shell("echo 3"));
      }),
    );
    const before = (await at.stage.services.executions.list(TENANT)).items.length;
    const { id } = await at.engine.start(program, {}, { tenantId: TENANT, budget: { toolCalls: 2 } });
    await expect(result(id)).rejects.toMatchObject({ code: "budget_exceeded", details: { what: "toolCalls" } });
    expect((await at.stage.services.executions.list(TENANT)).items.length).toBe(before + 2);
  });

  it("closes a sandbox that a failing program left open", async () => {
    const program = programOf(async (context) => {
      await at.sandboxes.open(context, { template: "python" });
      throw new GloveboxError("conflict", "the program does not like it");
    });
    await expect(result(await at.start(program, {}))).rejects.toMatchObject({ code: "conflict" });
    await until(async () => (await at.open()) === 0);
  });

  it("says so when the sandbox is gone, instead of going on in an empty one", async () => {
    const program = programOf((context) =>
      at.sandboxes.use(context, { template: "python" }, async (sandbox) => {
        await sandbox.execute(context, "before", shell("echo 1 > kept"));
        await context.waitFor("go");
        return sandbox.execute(context, "after", shell("cat kept"));
      }),
    );
    const id = await at.start(program, {});
    await until(async () => (await at.engine.get(TENANT, id)).status === "waiting");
    const [session] = (await at.stage.services.sessions.list(TENANT, { metadata: { run: id } })).items;
    await at.stage.services.sessions.close(TENANT, session?.id ?? "");
    await at.engine.signal(TENANT, id, "go");
    await expect(result(id)).rejects.toMatchObject({ code: "unavailable", details: { sandbox: "sandbox" } });
  });

  it("does sandbox steps again in a live replay, in sandboxes of the replay's own, and tells what came out differently", async () => {
    const program = programOf((context) =>
      at.sandboxes.use(context, { template: "python" }, async (sandbox) => {
        const same = await sandbox.execute(context, "same", shell("echo same; pwd"));
        const other = await sandbox.execute(context, "other", shell("head -c 8 /dev/urandom | od -An -tx1"));
        return [same.stdout, other.stdout];
      }),
    );
    const id = await at.start(program, {});
    await result(id);
    const report = await at.engine.replay(TENANT, id, { live: true, signal: AbortSignal.timeout(50_000) });
    expect(report).toMatchObject({ identical: true, live: { differences: [{ step: "other" }] } });
    expect(report.live?.steps).toBe(4);
    await until(async () => (await at.open()) === 0);
  });

  const kept = (context: ProgramContext, after: (sandbox: RunSandbox) => Promise<unknown>) =>
    at.sandboxes.use(context, { template: "python", snapshots: "after_each_step" }, async (sandbox) => {
      await sandbox.execute(context, "first", shell("echo 1 >> file"));
      await sandbox.execute(context, "second", shell("echo 2 >> file"));
      return after(sandbox);
    });

  it("goes back with its files when the run is rolled back, also after the run has ended", async () => {
    const program = programOf((context) =>
      kept(context, async (sandbox) => (await sandbox.execute(context, "read", shell("cat file; date +%s%N"))).stdout),
    );
    const id = await at.start(program, {});
    const first = String(await result(id));
    await at.engine.rollback(TENANT, id, { step: "second" });
    const second = String(await result(id));
    expect([first.slice(0, 4), second.slice(0, 4)]).toEqual(["1\n2\n", "1\n2\n"]);
    expect(second).not.toBe(first);
    await until(async () => (await at.open()) === 0);
    expect(await at.engine.replay(TENANT, id)).toMatchObject({ identical: true });
  });

  it("is forked with the run: the same files, its own way from there", async () => {
    const program = programOf((context) =>
      kept(context, async (sandbox) => {
        const word = String(await context.waitFor("word"));
        return (await sandbox.execute(context, "third", { ...shell("cat - >> file; cat file"), stdin: word })).stdout;
      }),
    );
    const id = await at.start(program, {});
    await until(async () => (await at.engine.get(TENANT, id)).status === "waiting");
    const fork = await at.engine.fork(TENANT, id, { step: "word" });
    await at.engine.signal(TENANT, id, "word", "old");
    await at.engine.signal(TENANT, fork.id, "word", "new");
    expect(await Promise.all([result(id), result(fork.id)])).toEqual(["1\n2\nold", "1\n2\nnew"]);
    await until(async () => (await at.open()) === 0);
  });

  it("is made again by several steps at once only once, and not when work would be lost", async () => {
    const program = programOf((context) =>
      kept(context, async (sandbox) => {
        await context.waitFor("go");
        const read = (branch: ProgramContext, name: string) =>
          sandbox.execute(branch, name, { ...shell("cat file"), background: true });
        const both = await context.parallel({ a: (branch) => read(branch, "a"), b: (branch) => read(branch, "b") });
        return both.a.stdout + both.b.stdout;
      }),
    );
    const id = await at.start(program, {});
    await until(async () => (await at.engine.get(TENANT, id)).status === "waiting");
    await at.sandboxes.closeAll(TENANT, id);
    await at.engine.signal(TENANT, id, "go");
    expect(await result(id)).toBe("1\n2\n1\n2\n");
    const made = (await at.stage.services.sessions.list(TENANT, { metadata: { run: id } })).items;
    expect(made).toHaveLength(2);
  });

  it("runs the example", async () => {
    const [program] = threeChecks({ sandboxes: at.sandboxes, documents: at.documents });
    if (program === undefined) throw new Error("the example has no program");
    const id = await at.start(program as Program<unknown, unknown>, { code: "print(6 * 7)", pauseMs: 10 });
    await at.engine.signal(TENANT, id, "release", { release: true });
    expect(await result(id)).toEqual({
      released: true,
      checks: {
        compiles: { ok: true, said: "1 statements" },
        runs: { ok: true, said: "42" },
        names: { ok: true, said: "['print']" },
      },
    });
    expect(await at.engine.replay(TENANT, id)).toMatchObject({ identical: true });
    expect(await at.open()).toBe(0);
  });
});
