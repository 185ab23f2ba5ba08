import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { execute } from "../support/execute.ts";
import { useServer } from "../support/flow.ts";

const hasRunsc = await execute(["/usr/bin/env", "runsc", "--version"], { cwd: tmpdir() }).then(
  () => true,
  () => false,
);
const stage = useServer();

test("sessions of gVisor keep state, are forked and rolled back with their files", async ({ skip }) => {
  skip(!hasRunsc || process.getuid?.() !== 0, "gVisor needs runsc and root");
  const { box } = stage;
  await using session = await box.sessions.create({ isolation: "gvisor" });
  await session.run("x = 40\n_ = open('f', 'w').write('first')");
  expect((await session.run("x + 2")).value?.json).toBe(42);
  const [child] = (await session.fork()).sessions;
  if (child === undefined) throw new Error("there is no fork");
  await using fork = child;
  // Files only: a fork that said otherwise would have to have `x`.
  expect((await fork.exec(["cat", "f"])).stdout).toBe("first");
  expect((await fork.run("x")).exception?.name).toBe("NameError");
  const { id } = await session.snapshots.create();
  await fork.exec(["sh", "-c", "echo other > f"]);
  await session.run("_ = open('f', 'w').write('second')");
  await session.rollback(id);
  expect((await session.exec(["cat", "f"])).stdout).toBe("first");
  expect((await fork.exec(["cat", "f"])).stdout).toBe("other\n");
});
