import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import type { ChildAnswer, ChildPlan } from "../testing/server-child.ts";
import { openStage, read, type Stage, TENANT } from "../testing/stage.ts";

const CHILD = new URL("../testing/server-child.ts", import.meta.url).pathname;

/** Starts a server that does the plan, kills it with SIGKILL after `afterMs`, and gives what it had answered. */
async function killedServer(plan: Omit<ChildPlan, "dir">, afterMs: number): Promise<ChildAnswer & { dir: string }> {
  const dir = await mkdtemp(join(tmpdir(), "glovebox-killed-"));
  const child = spawn(process.execPath, [CHILD], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(JSON.stringify({ ...plan, dir }));
  const [line] = (await Promise.race([once(child.stdout, "data"), once(child, "exit").then(() => [""])])) as [
    Buffer | string,
  ];
  if (line === "") throw new Error("the server ended early");
  await delay(afterMs);
  child.kill("SIGKILL");
  await once(child, "exit");
  return { ...(JSON.parse(line.toString()) as ChildAnswer), dir };
}

async function withRestart(
  plan: Omit<ChildPlan, "dir">,
  afterMs: number,
  check: (stage: Stage, answer: ChildAnswer) => Promise<void>,
): Promise<void> {
  const { dir, ...answer } = await killedServer(plan, afterMs);
  await using stage = await openStage({ dir });
  await stage.services.recover();
  await check(stage, answer);
}

const counter = (n: number, ms: number) =>
  `import time\nfor i in range(${n}):\n    print("line", i, "é" * (i % 7), flush=True)\n    time.sleep(${ms / 1000})\n`;

function expected(n: number): string {
  return Array.from({ length: n }, (_, i) => `line ${i} ${"é".repeat(i % 7)}\n`).join("");
}

function contiguous(seqs: readonly number[]): boolean {
  return seqs.every((seq, index) => seq === index + 1);
}

test("a command goes on after the server was killed: every byte once, in order, and its exit recorded", async () => {
  const argv = ["python3", "-u", "-c", `${counter(150, 10)}\nimport sys\nsys.exit(7)`];
  const plan = { session: { template: "python" }, before: [], started: [{ kind: "command" as const, argv }] };
  await withRestart(plan, 500, async (stage, { executionIds }) => {
    const ran = await read(stage.services, await stage.services.executions.wait(TENANT, executionIds[0] ?? ""));
    expect(ran.execution).toMatchObject({ status: "error", exitCode: 7 });
    expect(ran.out).toBe(expected(150));
    expect(contiguous(ran.events.map(({ seq }) => seq))).toBe(true);
  });
});

test("a repl execution goes on in its kernel, keeps its output and value, and the session its variables", async () => {
  const plan = {
    session: { template: "python" },
    before: [{ kind: "repl" as const, language: "python" as const, input: "kept = 42" }],
    started: [{ kind: "repl" as const, language: "python" as const, input: `${counter(100, 10)}\nkept + 1` }],
  };
  await withRestart(plan, 400, async (stage, { sessionId, executionIds }) => {
    const ran = await read(stage.services, await stage.services.executions.wait(TENANT, executionIds[0] ?? ""));
    expect(ran.execution).toMatchObject({ status: "ok", exitCode: 0, result: { json: 43 } });
    expect(ran.out).toBe(expected(100));
    expect(ran.events.map(({ type }) => type).filter((type) => type !== "stdout")).toEqual(["input_echo", "value"]);
    const after = await stage.py(sessionId, "kept");
    expect(after.execution.result?.json).toBe(42);
    expect(after.events.map(({ type }) => type)).toEqual(["input_echo", "value"]);
    expect(await stage.services.sessions.get(TENANT, sessionId)).toMatchObject({ status: "ready" });
  });
});

test("what ended while no server was there is recorded with its end", async () => {
  const argv = ["bash", "-c", "echo one; sleep 0.6; echo two; exit 3"];
  const started = [{ kind: "command" as const, argv }];
  const { dir, executionIds } = await killedServer({ session: { template: "bash" }, before: [], started }, 200);
  await delay(900);
  await using stage = await openStage({ dir });
  await stage.services.recover();
  const ran = await read(stage.services, await stage.services.executions.wait(TENANT, executionIds[0] ?? ""));
  expect(ran.execution).toMatchObject({ status: "error", exitCode: 3 });
  expect(ran.out).toBe("one\ntwo\n");
});

test("queued executions run on in their order, with the stdin they were given", async () => {
  const slow = { kind: "repl" as const, language: "python" as const, input: "import time; time.sleep(1.2)" };
  const queued = (text: string) => ({
    kind: "command" as const,
    argv: ["bash", "-c", "cat; echo $ORDER; echo x >> order; wc -l < order"],
    env: { ORDER: text },
    stdin: `in ${text}\n`,
    onBusy: "queue" as const,
  });
  const plan = { session: { template: "python" }, before: [], started: [slow, queued("a"), queued("b")] };
  await withRestart(plan, 300, async (stage, { executionIds }) => {
    const [first, second, third] = await Promise.all(
      executionIds.map(async (id) => read(stage.services, await stage.services.executions.wait(TENANT, id))),
    );
    expect(first?.execution.status).toBe("ok");
    expect(second?.execution.status).toBe("ok");
    expect(second?.out).toBe("in a\na\n1\n");
    expect(third?.out).toBe("in b\nb\n2\n");
  });
});

test.each([
  ["kernel", "sent", undefined],
  ["kernel", "sent", "given\n"],
  ["kernel", "not sent", undefined],
  ["kernel", "not sent", "given\n"],
  ["program", "sent", "given\n"],
] as const)(
  "what waited and began in a %s (%s), with stdin %o, as the server died is neither begun twice nor cut",
  async (kind, sent, stdin) => {
    const slow = { kind: "repl" as const, language: "python" as const, input: "import time; time.sleep(0.5)" };
    const lead = stdin === undefined ? "" : "print('read', input())\n";
    const code = `${lead}open('begun', 'a').write('x')\n${counter(150, 10)}\nprint(open('begun').read())`;
    const work =
      kind === "kernel"
        ? { kind: "repl" as const, language: "python" as const, input: code }
        : { kind: "command" as const, argv: ["python3", "-c", code] };
    const waiting = { ...work, onBusy: "queue" as const, ...(stdin !== undefined && { stdin }) };
    const plan = {
      session: { template: "python" },
      before: [],
      started: [slow, waiting],
      mute: kind,
      unsent: sent === "not sent",
    };
    await withRestart(plan, 1_500, async (stage, { executionIds, sessionId }) => {
      const ran = await read(stage.services, await stage.services.executions.wait(TENANT, executionIds[1] ?? ""));
      expect(ran.execution.status).toBe("ok");
      expect(ran.out).toBe(`${stdin === undefined ? "" : `read ${stdin}`}${expected(150)}x\n`);
      expect(contiguous(ran.events.map(({ seq }) => seq))).toBe(true);
      expect((await stage.py(sessionId, "6 * 7")).execution.result?.json).toBe(42);
    });
  },
);

test("a long stdin that was half given goes on where it was left", async () => {
  const text = Array.from({ length: 60_000 }, (_, i) => `line ${i}\n`).join("");
  const slowly = "import sys, time, hashlib\ntime.sleep(1)\nprint(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())";
  const started = [
    { kind: "command" as const, argv: ["python3", "-c", slowly], stdin: text, background: true },
    { kind: "repl" as const, language: "python" as const, input: slowly, stdin: text },
  ];
  await withRestart({ session: { template: "python" }, before: [], started }, 200, async (stage, { executionIds }) => {
    for (const id of executionIds) {
      const ran = await read(stage.services, await stage.services.executions.wait(TENANT, id));
      expect(ran.out).toBe(`${createHash("sha256").update(text).digest("hex")}\n`);
    }
  });
});

test("a stdin that the dead server did not come to end is ended; what it did not come to give is lost, and the execution with it", async () => {
  const argv = ["python3", "-c", "import sys; print(len(sys.stdin.read()))"];
  const started = [
    { kind: "command" as const, argv, stdin: "", background: true },
    { kind: "command" as const, argv, stdin: "text", background: true },
    { kind: "repl" as const, language: "python" as const, input: "print(input())", stdin: "text\n" },
  ];
  const plan = { session: { template: "python" }, before: [], started, unfed: true };
  await withRestart(plan, 300, async (stage, { executionIds, sessionId }) => {
    const [ended, ...lost] = await Promise.all(
      executionIds.map(async (id) => read(stage.services, await stage.services.executions.wait(TENANT, id))),
    );
    expect([ended?.execution.status, ended?.out]).toEqual(["ok", "0\n"]);
    expect(lost.map(({ execution, out }) => [execution.status, out])).toEqual([
      ["lost", ""],
      ["lost", ""],
    ]);
    for (const { events } of lost) {
      const told = events.map(({ payload }) => ("code" in payload ? payload.code : undefined));
      expect(told).toContain("stdin_lost");
    }
    expect((await stage.py(sessionId, "6 * 7")).execution.result?.json).toBe(42);
  });
});

test("a limit holds while no server is there", async () => {
  const argv = ["python3", "-c", "while True: pass"];
  const started = [{ kind: "command" as const, argv, limits: { wallMs: 500 } }];
  const { dir, executionIds } = await killedServer({ session: { template: "python" }, before: [], started }, 100);
  await delay(1_000);
  await using stage = await openStage({ dir });
  await stage.services.recover();
  const execution = await stage.services.executions.wait(TENANT, executionIds[0] ?? "");
  expect(execution).toMatchObject({ status: "timeout", exitCode: 124 });
});

test("a session whose sandbox is gone is closed with a reason, and its execution is lost", async () => {
  const started = [{ kind: "repl" as const, language: "python" as const, input: "import time; time.sleep(30)" }];
  const { dir, sessionId, executionIds } = await killedServer(
    { session: { template: "python" }, before: [], started },
    200,
  );
  {
    // Another server with the same folder for sandboxes but without the sessions' rows removes them as strangers.
    const { BubblewrapDriver } = await import("../../sandbox/bubblewrap/index.ts");
    await using driver = new BubblewrapDriver({ runDir: join(dir, "run"), waiting: 0 });
    expect((await driver.sweep(new Set())).removed.length).toBeGreaterThan(0);
  }
  await using stage = await openStage({ dir });
  const report = await stage.services.recover();
  expect(report).toMatchObject({ attached: 0, closed: 1 });
  const session = await stage.services.sessions.get(TENANT, sessionId);
  expect(session).toMatchObject({ status: "closed", closedBy: "server" });
  expect(session.restartReason).toContain("sandbox");
  const ran = await read(stage.services, await stage.services.executions.get(TENANT, executionIds[0] ?? ""));
  expect(ran.execution).toMatchObject({ status: "lost", exitCode: 1, error: { name: "Lost" } });
  expect(contiguous(ran.events.map(({ seq }) => seq))).toBe(true);
  expect(ran.events.at(-1)?.type).toBe("exception");
  const summary = await stage.services.sessions.summary(TENANT);
  expect(summary.executions).toMatchObject({ running: 0, queued: 0 });
});

test("a session of an isolation that ends with the server is closed, its execution lost", async () => {
  const plan = {
    session: { template: "js-isolate" },
    before: [],
    started: [{ kind: "repl" as const, language: "javascript" as const, input: "for (;;);" }],
  };
  await withRestart(plan, 100, async (stage, { sessionId, executionIds }) => {
    expect(await stage.services.sessions.get(TENANT, sessionId)).toMatchObject({ status: "closed" });
    expect(await stage.services.executions.get(TENANT, executionIds[0] ?? "")).toMatchObject({ status: "lost" });
  });
});

test("a server that shuts down in order lets go: what runs goes on under the next one", async () => {
  const dir = await mkdtemp(join(tmpdir(), "glovebox-letgo-"));
  const first = await openStage({ dir });
  const sessionId = await first.session();
  await first.py(sessionId, "kept = 1");
  const input = { kind: "repl" as const, language: "python" as const, input: counter(60, 10) };
  const { execution, finished } = await first.services.executions.start(TENANT, sessionId, input);
  const waiting = expect(finished).rejects.toMatchObject({ code: "unavailable" });
  await first.services[Symbol.asyncDispose]();
  await waiting;
  await first.driver[Symbol.asyncDispose]();
  await first.store[Symbol.asyncDispose]();
  await using second = await openStage({ dir });
  expect(await second.services.recover()).toMatchObject({ attached: 1, closed: 0, resumed: 1 });
  const ran = await read(second.services, await second.services.executions.wait(TENANT, execution.id));
  expect(ran.execution.status).toBe("ok");
  expect(ran.out).toBe(expected(60));
  expect((await second.py(sessionId, "kept")).execution.result?.json).toBe(1);
});

test("a Rust program that was being compiled is compiled to its end and run", async () => {
  const lines = Array.from(
    { length: 400 },
    (_, i) => `#[derive(Debug, Clone, PartialEq)] struct S${i} { a: Vec<u8>, b: String }`,
  );
  const input = `${lines.join("\n")}\nfn main() { println!("made"); std::process::exit(6); }`;
  const plan = {
    session: { template: "rust" },
    before: [],
    started: [{ kind: "repl" as const, language: "rust" as const, input }],
  };
  await withRestart(plan, 50, async (stage, { executionIds }) => {
    const ran = await read(stage.services, await stage.services.executions.wait(TENANT, executionIds[0] ?? ""));
    expect(ran.execution).toMatchObject({ status: "error", exitCode: 6 });
    expect(ran.out).toBe("made\n");
  });
});

test("an end that is in the stream but not in the row is brought to the row, exactly", async () => {
  const dir = await mkdtemp(join(tmpdir(), "glovebox-row-"));
  let broken = false;
  const first = await openStage({
    dir,
    faults: {
      before: (kind) => {
        if (broken && kind === "final") throw new Error("no space");
      },
    },
  });
  const id = await first.session();
  broken = true;
  const input = { kind: "repl" as const, language: "python" as const, input: "print('out'); 6 * 7" };
  const { execution, finished } = await first.services.executions.start(TENANT, id, input);
  await expect(finished).rejects.toMatchObject({ code: "store_failed" });
  await first.services[Symbol.asyncDispose]();
  await first.driver[Symbol.asyncDispose]();
  await first.store[Symbol.asyncDispose]();
  await using second = await openStage({ dir });
  await second.services.recover();
  const ran = await read(second.services, await second.services.executions.wait(TENANT, execution.id));
  expect(ran.execution).toMatchObject({
    status: "ok",
    exitCode: 0,
    result: { json: 42 },
    metrics: { events: 3, outputBytes: 4 },
  });
  const after = await second.py(id, "1");
  expect(after.events.map(({ type }) => type)).toEqual(["input_echo", "value"]);
});

test("an idle kernel's output is read on where the last execution left it: nothing comes twice", async () => {
  const before = Array.from({ length: 3 }, (_, i) => ({
    kind: "repl" as const,
    language: "python" as const,
    input: `print("before ${i}")`,
  }));
  await withRestart({ session: { template: "python" }, before, started: [] }, 0, async (stage, { sessionId }) => {
    expect((await stage.py(sessionId, "print('after')")).out).toBe("after\n");
    const stream = await stage.services.sessions.eventStream(TENANT, sessionId);
    expect(JSON.stringify(await stage.store.events.read(stream))).not.toContain("before");
  });
});

test("sessions that were being started or closed are closed, with what ran in them settled", async () => {
  const dir = await mkdtemp(join(tmpdir(), "glovebox-half-"));
  const first = await openStage({ dir });
  const starting = await first.session();
  const closing = await first.session({ template: "bash" });
  await first.store.sessions.update(TENANT, starting, { status: "starting" });
  await first.store.sessions.update(TENANT, closing, { status: "closing" });
  const { execution } = await first.services.executions.start(TENANT, closing, {
    kind: "command",
    argv: ["sleep", "50"],
  });
  await first.services[Symbol.asyncDispose]();
  await first.driver[Symbol.asyncDispose]();
  await first.store[Symbol.asyncDispose]();
  await using second = await openStage({ dir });
  expect(await second.services.recover()).toMatchObject({ attached: 0, closed: 2 });
  for (const id of [starting, closing]) {
    const { status, restartReason } = await second.services.sessions.get(TENANT, id);
    expect(status).toBe("closed");
    expect(restartReason).toMatch(/starting|closing/);
  }
  expect(await second.services.executions.get(TENANT, execution.id)).toMatchObject({ status: "lost" });
});

test("an isolate session is closed with a reason when its server shuts down", async () => {
  const dir = await mkdtemp(join(tmpdir(), "glovebox-iso-"));
  const first = await openStage({ dir });
  const id = await first.session({ template: "js-isolate" });
  await first.services[Symbol.asyncDispose]();
  expect(await first.store.sessions.get(TENANT, id)).toMatchObject({ status: "closed", closedBy: "server" });
  expect((await first.store.sessions.get(TENANT, id))?.restartReason).toContain("does not outlive");
  await first[Symbol.asyncDispose]();
});
