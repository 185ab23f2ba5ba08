import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ExecutionInput } from "../../core/index.ts";
import { openStage, read, type Stage, TENANT } from "../testing/stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

const start = (id: string, input: ExecutionInput) => stage.services.executions.start(TENANT, id, input);
const command = (...argv: string[]): ExecutionInput => ({ kind: "command", argv });
const repl = (input: string): ExecutionInput => ({ kind: "repl", language: "python", input });

test("a command keeps its streams apart, its exit code, its environment, folder and stdin", async () => {
  const id = await stage.session();
  const ran = await stage.run(id, {
    ...command("bash", "-c", "cat; echo $A; pwd; echo bad >&2; exit 9"),
    env: { A: "from call" },
    cwd: "/tmp",
    stdin: "given\n",
  });
  expect(ran.execution).toMatchObject({ status: "error", exitCode: 9 });
  expect(ran.execution.metrics).toMatchObject({ outputBytes: 25, truncated: { stdout: false, stderr: false } });
  expect([ran.out, ran.err]).toEqual(["given\nfrom call\n/tmp\n", "bad\n"]);
});

test("a program that does not exist, or a folder that does not, ends with a shell's code and the reason", async () => {
  const id = await stage.session();
  const ran = await stage.run(id, command("/no/such/program"));
  expect(ran.execution).toMatchObject({ status: "error", exitCode: 127 });
  expect(JSON.stringify(ran.events) + JSON.stringify(ran.execution)).toMatch(/no such|not found|such file/i);
});

test("killed by a signal, by itself or by the kill list: each has its own status and code", async () => {
  const id = await stage.session();
  const by = async (signal: string) => (await stage.run(id, command("bash", "-c", `kill -${signal} $$`))).execution;
  expect(await by("TERM")).toMatchObject({ status: "killed", exitCode: 143, signal: "SIGTERM" });
  expect(await by("KILL")).toMatchObject({ status: "killed", exitCode: 137, signal: "SIGKILL" });
  expect(await by("SYS")).toMatchObject({ status: "denied", exitCode: 159 });
});

test("bytes that are no text come back as they were, and an endless flood is cut without blocking the program", async () => {
  const id = await stage.session();
  const bytes = await stage.run(id, command("printf", "\\377\\376\\001"));
  expect(bytes.events[0]?.payload).toEqual({ base64: Buffer.from([255, 254, 1]).toString("base64") });
  const flood = await stage.run(id, {
    ...command("bash", "-c", "head -c 30000000 /dev/zero | tr '\\0' x; echo done >&2"),
    limits: { outputBytes: 100_000 },
  });
  expect(flood.execution).toMatchObject({ status: "ok", exitCode: 0 });
  expect(flood.out).toHaveLength(100_000);
  expect(flood.err).toBe("done\n");
  expect(flood.execution.metrics.truncated).toEqual({ stdout: true, stderr: false });
});

test("one at a time: a second caller is refused, or waits in order of arrival; background commands run beside", async () => {
  const id = await stage.session();
  const first = await start(id, repl("import time; time.sleep(0.5); order = [1]"));
  await expect(start(id, repl("1"))).rejects.toMatchObject({ code: "session_busy" });
  const second = await start(id, { ...repl("order.append(2)"), onBusy: "queue" });
  const third = await start(id, { ...repl("order.append(3); order"), onBusy: "queue" });
  expect([second.execution.status, third.execution.status]).toEqual(["queued", "queued"]);
  const beside = await stage.run(id, { ...command("echo", "beside"), background: true });
  expect(beside.out).toBe("beside\n");
  expect((await stage.services.executions.get(TENANT, first.execution.id)).status).toBe("running");
  const done = await third.finished;
  expect(done.result?.json).toEqual([1, 2, 3]);
  expect(done.metrics.queuedMs).toBeGreaterThan(100);
  expect((await stage.py(id, "order")).execution.result?.json).toEqual([1, 2, 3]);
});

test("a cancelled wait never runs; a cancelled run ends, with all it started, and the kernel keeps its state", async () => {
  const id = await stage.session();
  await stage.py(id, "kept = 5");
  const sleeper =
    "import subprocess, time; p = subprocess.Popen(['sleep', '1000'], start_new_session=True); time.sleep(1000)";
  const running = await start(id, repl(sleeper));
  const waiting = await start(id, { ...repl("kept = 6"), onBusy: "queue" });
  await delay(300);
  const never = await stage.services.executions.cancel(TENANT, waiting.execution.id);
  expect(never).toMatchObject({ status: "cancelled", exitCode: 130 });
  const cancelled = await stage.services.executions.cancel(TENANT, running.execution.id);
  expect(cancelled).toMatchObject({ status: "cancelled", exitCode: 130 });
  expect(await stage.services.executions.cancel(TENANT, cancelled.id)).toEqual(cancelled);
  // Killed; the kernel, whose child it was, has not reaped it yet.
  const after = await stage.py(id, "(kept, open(f'/proc/{p.pid}/stat').read().split()[2])");
  expect(after.execution.result?.json).toEqual([5, "Z"]);
});

test("a loop of short commands in Bash ends when cancelled, and the kernel keeps its state", async () => {
  const id = await stage.session();
  const bash = (input: string): ExecutionInput => ({ kind: "repl", language: "bash", input });
  await stage.run(id, bash("kept=5"));
  for (let round = 0; round < 3; round += 1) {
    const running = await start(id, bash("while :; do /bin/true; done"));
    await delay(100);
    const cancelled = await stage.services.executions.cancel(TENANT, running.execution.id);
    expect(cancelled).toMatchObject({ status: "cancelled", exitCode: 130 });
  }
  expect((await stage.run(id, bash("echo $kept"))).out).toBe("5\n");
});

test("a program that ignores SIGTERM is killed when cancelled", async () => {
  const id = await stage.session();
  const { execution } = await start(id, command("bash", "-c", "trap '' TERM INT; while :; do sleep 0.1; done"));
  await delay(150);
  expect(await stage.services.executions.cancel(TENANT, execution.id)).toMatchObject({ status: "cancelled" });
});

test("a kernel that ignores interrupts is killed and replaced, and both are told", async () => {
  const id = await stage.session();
  const code = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass";
  const ran = await stage.py(id, code, { limits: { wallMs: 300 } });
  expect(ran.execution).toMatchObject({ status: "timeout", exitCode: 124 });
  const codes = ran.events.flatMap((event) => (event.type === "system" ? [event.payload.code] : []));
  expect(codes.sort()).toEqual(["kernel_restarted", "wall_limit"]);
  expect(ran.events.filter(({ type }) => type === "exception")).toHaveLength(1);
  expect((await stage.py(id, "1 + 1")).execution.result?.json).toBe(2);
});

test("a kernel that ends between executions is replaced, and the next execution says so", async () => {
  const id = await stage.session();
  const code =
    "import threading, os, time\ndef bye():\n  time.sleep(0.2)\n  os._exit(3)\nthreading.Thread(target=bye).start()";
  await stage.py(id, code);
  await delay(500);
  const next = await stage.py(id, "1 + 1");
  expect(next.execution.result?.json).toBe(2);
  expect(next.events.map(({ type }) => type)).toEqual(["input_echo", "system", "value"]);
});

test("what a kernel prints between executions is in the session's own stream", async () => {
  const id = await stage.session();
  const code =
    "import threading, time\ndef late():\n  time.sleep(0.2)\n  print('late', flush=True)\nthreading.Thread(target=late).start()";
  const ran = await stage.py(id, code);
  await delay(500);
  const stream = await stage.services.sessions.eventStream(TENANT, id);
  const events = await stage.store.events.read(stream);
  expect(JSON.stringify([...ran.events, ...events])).toContain("late");
  expect((await stage.py(id, "2")).out).toBe("");
});

test("retrying with the same idempotency key gives the first execution; another body is a conflict", async () => {
  const id = await stage.session();
  const input = { ...repl("n = globals().get('n', 0) + 1; n"), idempotencyKey: "once" };
  const first = await start(id, input);
  const again = await start(id, { ...input, onBusy: "queue" });
  expect([first.existing, again.existing]).toEqual([false, true]);
  expect(again.execution.id).toBe(first.execution.id);
  expect((await again.finished).result?.json).toBe(1);
  expect((await start(id, input)).execution.status).toBe("ok");
  await expect(start(id, { ...input, input: "2" })).rejects.toMatchObject({ code: "conflict" });
  expect((await stage.py(id, "n")).execution.result?.json).toBe(1);
});

test("a retry finds its execution also while that one has the turn", async () => {
  const id = await stage.session();
  const input = { ...repl("import time; time.sleep(0.4); 7"), idempotencyKey: "slow" };
  const first = await start(id, input);
  const again = await start(id, input);
  expect(again.existing).toBe(true);
  expect((await again.finished).id).toBe(first.execution.id);
  expect((await again.finished).result?.json).toBe(7);
});

test("stdin can be written while a command runs, and closed; afterwards it is a conflict", async () => {
  const id = await stage.session();
  const { execution, finished } = await start(id, command("bash", "-c", "read a; echo got $a; cat"));
  const { executions } = stage.services;
  await executions.writeStdin(TENANT, execution.id, Buffer.from("one\n"));
  await executions.writeStdin(TENANT, execution.id, Buffer.from("two\n"), { close: true });
  expect((await finished).status).toBe("ok");
  const ran = await read(stage.services, await finished);
  expect(ran.out).toBe("got one\ntwo\n");
  await expect(executions.writeStdin(TENANT, execution.id, Buffer.from("x"))).rejects.toMatchObject({
    code: "conflict",
  });
});

test("a terminal has a size, is resized, and is no part of the turn in the background", async () => {
  const id = await stage.session();
  const input: ExecutionInput = { ...command("bash", "--norc"), terminal: { rows: 20, columns: 70 }, background: true };
  const { execution, finished } = await start(id, input);
  const { executions } = stage.services;
  await executions.writeStdin(TENANT, execution.id, Buffer.from("stty size\n"));
  await delay(200);
  await executions.resize(TENANT, execution.id, 30, 90);
  await executions.writeStdin(TENANT, execution.id, Buffer.from("stty size; exit\n"));
  const ran = await read(stage.services, await finished);
  expect(ran.out).toContain("20 70");
  expect(ran.out).toContain("30 90");
});

test("events are followed live to the end, from any place", async () => {
  const id = await stage.session();
  const { execution } = await start(id, command("bash", "-c", "for i in 1 2 3; do echo $i; sleep 0.1; done"));
  const seen: string[] = [];
  for await (const event of stage.services.executions.follow(TENANT, execution.id)) {
    seen.push(String((event.payload as { text?: string }).text));
  }
  expect(seen.join("")).toBe("1\n2\n3\n");
  const rest = [];
  for await (const event of stage.services.executions.follow(TENANT, execution.id, { afterSeq: 1 }))
    rest.push(event.seq);
  expect(rest[0]).toBe(2);
});

test("inputs that make no sense are refused by name", async () => {
  const id = await stage.session();
  const bad: [ExecutionInput, string][] = [
    [{ kind: "repl", language: "python" }, "invalid_argument"],
    [{ kind: "repl", language: "rust", input: "1" }, "language_unavailable"],
    [{ kind: "command" }, "invalid_argument"],
    [{ ...command("true"), input: "x" }, "invalid_argument"],
    [{ kind: "run_file", path: "../x.py" }, "invalid_path"],
    [{ kind: "run_file", path: "missing.py" }, "not_found"],
    [{ kind: "run_file", path: "." }, "invalid_path"],
    [{ ...command("true"), limits: { wallMs: 5 * 3_600_000 } }, "invalid_argument"],
  ];
  for (const [input, code] of bad)
    await expect(start(id, input), JSON.stringify(input)).rejects.toMatchObject({ code });
  const other = start("01890000-0000-7000-8000-000000000000", repl("1"));
  await expect(other).rejects.toMatchObject({ code: "not_found" });
  const foreign = stage.services.executions.start("other", id, repl("1"));
  await expect(foreign).rejects.toMatchObject({ code: "not_found" });
});

test("waiting can be given up without ending what is waited for", async () => {
  const id = await stage.session();
  const { execution, finished } = await start(id, repl("import time; time.sleep(0.4); 3"));
  const gone = new AbortController();
  const waiting = stage.services.executions.wait(TENANT, execution.id, gone.signal);
  gone.abort();
  await expect(waiting).rejects.toThrow();
  expect((await finished).result?.json).toBe(3);
});

test("a message of the kernel larger than its window comes through", async () => {
  const id = await stage.session();
  const code =
    "class Big:\n  def _repr_html_(self): return 'x' * 3_000_000\ndisplay(Big()) if 'display' in dir(__builtins__) or 'display' in globals() else None\nBig()";
  const ran = await stage.py(id, code);
  expect(ran.execution.status).toBe("ok");
  expect((await stage.py(id, "1")).execution.result?.json).toBe(1);
});
