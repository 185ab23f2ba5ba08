import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { SnapshotFact } from "../../packages/glovebox/src/engine/index.ts";
import { openOn } from "./embedded-subject.ts";
import { rolledBack } from "./rollback-program.ts";
import { replayAll, TENANT, until } from "./subject.ts";

test("a rollback whose process is killed while snapshots are put back is finished by the next engine", async () => {
  const place = await mkdtemp(join(tmpdir(), "glovebox-rollback-"));
  const script = join(import.meta.dirname, "rollback-child.ts");
  const child = spawn(process.execPath, ["--conditions=development", script, place], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
    expect(child.exitCode).toBeNull();
    child.kill("SIGKILL");
    await once(child, "close");
    const restored: SnapshotFact[] = [];
    const onRollback = async (_run: unknown, snapshots: readonly SnapshotFact[]) => void restored.push(...snapshots);
    await using engine = await openOn(place, { programs: [rolledBack], onRollback });
    const [run] = (await engine.list(TENANT)).items;
    const id = run?.id ?? "";
    await until(async () => (await engine.get(TENANT, id)).rollbacks === 1);
    expect(restored).toEqual([{ step: "takes", payload: { id: "s1" } }]);
    await until(async () => (await engine.get(TENANT, id)).status === "waiting");
    await engine.signal(TENANT, id, "go", "on");
    expect(await engine.result(TENANT, id)).toEqual([`${id}~1/count`, "on"]);
    expect(await engine.verify(TENANT, id)).toMatchObject({ ok: true });
    await replayAll(engine);
  } finally {
    child.kill("SIGKILL");
    await rm(place, { recursive: true, force: true });
  }
});
