import { expect, test } from "vitest";
import { newId } from "../../packages/glovebox/src/core/index.ts";
import { finish, makeSandbox, type SuiteContext, shell } from "./subject.ts";

export function attachTests(context: () => SuiteContext): void {
  test("a sandbox that was let go of is found again, with its processes and all they wrote", async ({ skip }) => {
    const { subject, capabilities } = context();
    skip(!capabilities.outlivesServer, "sandboxes of this driver end with the server");
    await using sandbox = await makeSandbox(context(), { env: { KEPT: "yes" } });
    const argv = ["/bin/sh", "-c", "echo one; sleep 0.3; echo two; exit 5"];
    await sandbox.spawn({ kind: "program", argv, stdin: "null" });
    const record = JSON.parse(JSON.stringify(sandbox.record));
    await sandbox.detach();
    await using next = subject.again();
    await using again = await next.attach(record);
    expect(again.id).toBe(sandbox.id);
    expect(again.limitsApplied).toEqual(sandbox.limitsApplied);
    expect(again.attached).toHaveLength(1);
    expect(await finish(again.attached[0]!)).toEqual({ stdout: "one\ntwo\n", stderr: "", code: 5 });
    expect((await shell(again, "echo $KEPT")).stdout).toBe("yes\n");
    await again.destroy();
    expect(await again.ended).toEqual({ kind: "destroyed" });
    await expect(next.attach(record)).rejects.toMatchObject({ code: "not_found" });
  });

  test("a sweep by the next server ends what nobody claimed", async ({ skip }) => {
    const { subject, capabilities } = context();
    skip(!capabilities.outlivesServer, "sandboxes of this driver end with the server");
    const before = await subject.leftovers();
    const sandbox = await makeSandbox(context());
    await sandbox.detach();
    await using next = subject.again();
    const report = await next.sweep(new Set());
    expect(report.removed.join("\n")).toContain(sandbox.id);
    await expect(next.attach(sandbox.record)).rejects.toMatchObject({ code: "not_found" });
    expect(await subject.leftovers()).toEqual(before);
    await sandbox[Symbol.asyncDispose]();
  });

  test("a record that is not one is refused", async () => {
    const { driver } = context().subject;
    const record = { version: 1, isolation: driver.isolation, id: newId(), data: { supervisor: { pid: 1 } } } as const;
    await expect(driver.attach(record)).rejects.toMatchObject({
      code: expect.stringMatching(/^(invalid_argument|not_found)$/),
    });
  });
}
