import { expect, test } from "vitest";
import { isGloveboxError } from "../../packages/glovebox/src/core/index.ts";
import type { StoreFaults, WriteKind } from "../../packages/glovebox/src/store/index.ts";
import { anExecution, aSession, aStream, INTERNALS, lines, TENANT } from "./entities.ts";
import type { MakeSubject } from "./subject.ts";

/** Fails the writes of one kind while `on`. */
class BrokenDisk implements StoreFaults {
  kind: WriteKind | undefined;

  before(kind: WriteKind): void {
    if (kind === this.kind) throw new Error("input/output error");
  }
}

export function faultConformance(make: MakeSubject): void {
  test("a write that the disk refuses is `store_failed`, leaves nothing behind, and the next one works", async () => {
    await using subject = await make();
    const disk = new BrokenDisk();
    await using store = await subject.open({ faults: disk });
    const session = aSession();
    await store.sessions.create(session, INTERNALS);
    const execution = anExecution(session.id);
    const stream = aStream({ id: execution.id });
    const steps: readonly [WriteKind, () => Promise<unknown>, () => Promise<unknown>][] = [
      ["execution", () => store.executions.create(execution), () => store.executions.get(TENANT, execution.id)],
      [
        "event",
        () => store.events.append(stream, lines("a"), { n: 1 }),
        async () => (await store.events.read(stream))[0],
      ],
      [
        "final",
        () => store.executions.update(TENANT, execution.id, { status: "ok" }),
        async () => ((await store.executions.get(TENANT, execution.id))?.status === "ok" ? true : undefined),
      ],
      ["blob", () => store.blobs.put(Buffer.from("x")), async () => undefined],
    ];
    for (const [kind, write, find] of steps) {
      disk.kind = kind;
      const failure: unknown = await write().catch((error: unknown) => error);
      expect(isGloveboxError(failure, "store_failed")).toBe(true);
      expect(await find()).toBeUndefined();
      disk.kind = undefined;
      await write();
      if (kind !== "blob") expect(await find()).toBeDefined();
    }
    expect((await store.events.state(stream)).lastSeq).toBe(1);
  });

  test("a closed store refuses writes as `store_failed`", async () => {
    await using subject = await make();
    const store = await subject.open();
    await store[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await expect(store.settings.set("a", 1)).rejects.toMatchObject({ code: "store_failed" });
    await expect(store.events.append(aStream(), lines("a"))).rejects.toMatchObject({ code: "store_failed" });
  });
}
