import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { execute } from "../support/execute.ts";
import { useServer } from "../support/flow.ts";

const hasRunsc = await execute(["/usr/bin/env", "runsc", "--version"], { cwd: tmpdir() }).then(
  () => true,
  () => false,
);
const stage = useServer();

test("sessions of gVisor keep state, are forked and rolled back with their memory", async ({ skip }) => {
  skip(!hasRunsc || process.getuid?.() !== 0, "isolation gvisor: it needs runsc and root");
  const { box } = stage;
  await using session = await box.sessions.create({ isolation: "gvisor" });
  await session.run("x = 40\n_ = open('f', 'w').write('first')");
  expect((await session.run("x + 2")).value?.json).toBe(42);
  const { sessions, path } = await session.fork();
  const [child] = sessions;
  if (child === undefined) throw new Error("there is no fork");
  await using fork = child;
  expect(path).toBe("copied");
  expect((await fork.exec(["cat", "f"])).stdout).toBe("first");
  expect((await fork.run("x += 1; x")).value?.json).toBe(41);
  const { id } = await session.snapshots.create();
  await fork.exec(["sh", "-c", "echo other > f"]);
  await session.run("x = 0\n_ = open('f', 'w').write('second')");
  await session.rollback(id);
  expect((await session.exec(["cat", "f"])).stdout).toBe("first");
  expect((await session.run("x")).value?.json).toBe(40);
  expect((await session.pause({ release: true })).status).toBe("paused");
  expect((await session.resume()).status).toBe("ready");
  expect((await session.run("x")).value?.json).toBe(40);
  expect((await fork.exec(["cat", "f"])).stdout).toBe("other\n");
});

test("a session of gVisor comes out of a pool with its kernels, and nobody else gets that sandbox", async ({
  skip,
}) => {
  skip(!hasRunsc || process.getuid?.() !== 0, "isolation gvisor: it needs runsc and root");
  const { box } = stage;
  await box.pools.set("gvisor", { min: 1, max: 1 });
  try {
    const ready = async () => (await box.pools.show("gvisor")).ready;
    await expect.poll(ready, { timeout: 50_000 }).toBe(1);
    await using session = await box.sessions.create({ template: "gvisor", metadata: { of: "test" } });
    expect(await box.pools.show("gvisor")).toMatchObject({ hits: 1, misses: { total: 0 } });
    expect((await session.run("import socket; (6 * 7, socket.gethostname())")).value?.preview).toMatch(
      /^\(42, 'glovebox-[0-9a-f]{12}'\)$/,
    );
    const { stdout } = await session.exec(["sh", "-c", "ps -eo args | grep -c '[k]ernel.py'; ls -A"]);
    expect(stdout).toBe("1\n");
  } finally {
    await box.pools.set("gvisor", { reset: true });
  }
});
