import { expect, test } from "vitest";
import { openAgentStage } from "./testing/agent-stage.ts";
import { Trial } from "./trial.ts";

test("what is tried is taken back: at its end, when it fails, and by the next attempt after a crash", {
  timeout: 60_000,
}, async () => {
  await using stage = await openAgentStage();
  const changes = [
    { path: "a.txt", before: "a\n", after: "b\n" },
    { path: "new/c.txt", before: null, after: "c\n" },
    { path: "gone.txt", before: "here\n", after: null },
  ];
  const seen = await stage.withHost({ "a.txt": "a\n", "gone.txt": "here\n" }, ({ bench }) =>
    bench.work("try", {}, async (_input, inside) => {
      // As another attempt of the same step has it.
      Object.assign(inside, { kept: () => "/workspace/.glovebox/trial-x" });
      const state = async () => [
        (await inside.readFileIfAny("a.txt")) ?? null,
        (await inside.readFileIfAny("new/c.txt")) ?? null,
        (await inside.readFileIfAny("gone.txt")) ?? null,
      ];
      await inside.run(["chmod", "755", "gone.txt"]);
      const trial = await Trial.open(inside);
      const during = await trial.with(changes, state);
      const after = await state();
      await trial.with(changes, () => Promise.reject(new Error("no"))).catch(() => {});
      const failed = await state();
      const mode = (await inside.run(["stat", "-c", "%a", "gone.txt"])).stdout;
      // As a crash leaves it.
      await inside.writeFile(
        "/workspace/.glovebox/trial-x",
        JSON.stringify(changes.map(({ path, before }) => ({ path, before, mode: 0o644 }))),
      );
      await inside.writeFile("a.txt", "b\n");
      await inside.writeFile("new/c.txt", "c\n");
      await Trial.open(inside);
      return { during, after, failed, mode, recovered: await state() };
    }),
  );
  const before = ["a\n", null, "here\n"];
  expect(seen).toEqual({
    during: ["b\n", "c\n", null],
    after: before,
    failed: before,
    mode: "755\n",
    recovered: before,
  });
});
