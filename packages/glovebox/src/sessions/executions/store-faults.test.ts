import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import type { StoreFaults, WriteKind } from "../../store/index.ts";
import { openStage, TENANT } from "../testing/stage.ts";

/** Fails the writes of one kind while it is set. */
function breaker(): StoreFaults & { broken: WriteKind | undefined } {
  return {
    broken: undefined,
    before(kind) {
      if (kind === this.broken) throw new Error("no space left on device");
    },
  };
}

/** Whether the code still writes to its file. */
async function isBusy(stage: Awaited<ReturnType<typeof openStage>>, sessionId: string): Promise<boolean> {
  const files = await stage.services.sessions.files(TENANT, sessionId);
  const size = async () => (await files.stat("ticks")).size;
  const before = await size();
  await delay(250);
  return (await size()) !== before;
}

const TICKING = "import time\nwhile True:\n  open('ticks', 'a').write('x')\n  time.sleep(0.02)";

for (const wait of ["command", "repl"] as const) {
  test(`${wait}: an execution that cannot be stored is refused, and its code stopped`, async () => {
    const faults = breaker();
    await using stage = await openStage({ faults });
    const id = await stage.session();
    await stage.py(id, "open('ticks', 'w').close()");
    faults.broken = "execution";
    const input =
      wait === "command"
        ? { kind: "command" as const, argv: ["python3", "-c", TICKING] }
        : { kind: "repl" as const, language: "python" as const, input: TICKING };
    const start = stage.services.executions.start(TENANT, id, input);
    await expect(start).rejects.toMatchObject({ code: "store_failed" });
    faults.broken = undefined;
    await delay(200);
    expect(await isBusy(stage, id)).toBe(false);
    expect((await stage.py(id, "6 * 7")).execution.result?.json).toBe(42);
  });

  test(`${wait}: an event that cannot be stored stops the code and is reported`, async () => {
    const faults = breaker();
    await using stage = await openStage({ faults });
    const id = await stage.session();
    await stage.py(id, "open('ticks', 'w').close()");
    const code = `import time\ntime.sleep(0.4)\nprint('now', flush=True)\n${TICKING}`;
    const input =
      wait === "command"
        ? { kind: "command" as const, argv: ["python3", "-c", code] }
        : { kind: "repl" as const, language: "python" as const, input: code };
    const { execution, finished } = await stage.services.executions.start(TENANT, id, input);
    faults.broken = "event";
    await expect(finished).rejects.toMatchObject({ code: "store_failed" });
    faults.broken = undefined;
    expect(await isBusy(stage, id)).toBe(false);
    await expect
      .poll(async () => (await stage.services.executions.get(TENANT, execution.id)).status, { timeout: 5_000 })
      .toBe("internal_error");
    expect((await stage.py(id, "6 * 7")).execution.result?.json).toBe(42);
  });
}

test("an end that cannot be stored is reported, and the row follows when the store works again", async () => {
  const faults = breaker();
  await using stage = await openStage({ faults });
  const id = await stage.session();
  faults.broken = "final";
  const { execution, finished } = await stage.services.executions.start(TENANT, id, {
    kind: "repl",
    language: "python",
    input: "1",
  });
  await expect(finished).rejects.toMatchObject({ code: "store_failed" });
  faults.broken = undefined;
  await expect
    .poll(async () => (await stage.services.executions.get(TENANT, execution.id)).status, { timeout: 5_000 })
    .toBe("ok");
  expect((await stage.py(id, "6 * 7")).execution.result?.json).toBe(42);
});

test("a session that cannot be stored leaves nothing behind", async () => {
  const faults = breaker();
  await using stage = await openStage({ faults });
  await stage.session();
  faults.broken = "session";
  await expect(stage.session()).rejects.toMatchObject({ code: "store_failed" });
  faults.broken = undefined;
  expect((await stage.services.sessions.summary(TENANT)).sessions.live).toBe(1);
});
