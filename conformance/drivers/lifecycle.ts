import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newId } from "../../packages/glovebox/src/core/index.ts";
import { LIMITS, makeSandbox, type SuiteContext } from "./subject.ts";

export function lifecycleTests(context: () => SuiteContext): void {
  test("a probe reports what it ran", async () => {
    const probed = await context().subject.driver.probe();
    if (!probed.available) throw new Error(probed.reason);
    expect(probed.version).not.toBe("");
    expect(probed.startMs).toBeGreaterThan(0);
    expect(probed.capabilities.languages.length).toBeGreaterThan(0);
  });

  test("a destroyed sandbox says so, leaves nothing but the workspace, and can be destroyed again", async () => {
    const { subject } = context();
    const before = await subject.leftovers();
    await using sandbox = await makeSandbox(context());
    await sandbox.files.write("kept.txt", Buffer.from("kept"));
    await sandbox.destroy();
    expect(await sandbox.ended).toEqual({ kind: "destroyed" });
    await sandbox.destroy();
    expect(await readFile(join(sandbox.workspaceDir, "kept.txt"), "utf8")).toBe("kept");
    expect(await subject.leftovers()).toEqual(before);
  });

  test("work asked of a destroyed sandbox is refused", async () => {
    const sandbox = await makeSandbox(context());
    await sandbox.destroy();
    await expect(sandbox.spawn({ kind: "program", argv: ["/bin/true"] })).rejects.toMatchObject({
      code: "unavailable",
    });
  });

  test("an id is used once at a time", async () => {
    await using sandbox = await makeSandbox(context());
    const { workspaceDir } = sandbox;
    const same = { id: sandbox.id, workspaceDir, limits: LIMITS, allowPartial: false, env: {}, languages: [] };
    await expect(context().subject.driver.create(same)).rejects.toMatchObject({ code: "already_exists" });
    await expect(context().subject.driver.create({ ...same, id: "../x" })).rejects.toMatchObject({
      code: "invalid_argument",
    });
    // The sandbox that has the id is untouched.
    expect((await sandbox.stats()).memoryBytes).toBeGreaterThanOrEqual(0);
  });

  test("a start that was cancelled leaves nothing", async () => {
    const { subject } = context();
    const before = await subject.leftovers();
    const spec = {
      id: newId(),
      workspaceDir: subject.baseDir,
      limits: LIMITS,
      allowPartial: false,
      env: {},
      languages: [],
    };
    const stop = new AbortController();
    const creating = subject.driver.create(spec, stop.signal);
    stop.abort();
    await expect(creating).rejects.toMatchObject({ code: "cancelled" });
    expect(await subject.leftovers()).toEqual(before);
  });

  test("many sandboxes at once come and go without a trace", async () => {
    const { subject } = context();
    const before = await subject.leftovers();
    const sandboxes = await Promise.all(Array.from({ length: 8 }, () => makeSandbox(context())));
    expect(new Set(sandboxes.map((sandbox) => sandbox.id)).size).toBe(8);
    await Promise.all(sandboxes.map((sandbox) => sandbox[Symbol.asyncDispose]()));
    expect(await subject.leftovers()).toEqual(before);
  });

  test("a sweep removes what nobody knows and keeps what is known", async () => {
    const { subject } = context();
    const before = await subject.leftovers();
    await using known = await makeSandbox(context());
    const report = await subject.driver.sweep(new Set([known.id]));
    expect(report.removed.filter((line) => line.includes(known.id))).toEqual([]);
    expect((await known.stats()).pids).toBeGreaterThanOrEqual(0);
    await known.destroy();
    expect(await subject.leftovers()).toEqual(before);
  });
}
