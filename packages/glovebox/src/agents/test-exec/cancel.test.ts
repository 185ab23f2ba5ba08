import { readdir, readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { z } from "zod";
import { defineProgram } from "../../engine/index.ts";
import { openRunStage } from "../../runs/testing/run-stage.ts";
import { TENANT } from "../../sessions/testing/stage.ts";
import { makeRepository } from "../testing/repository.ts";
import { Workbench } from "../workbench/workbench.ts";
import { runTests } from "./run-tests.ts";

/** Processes of this machine, in whatever sandbox, whose command line has these words. */
async function processesWith(words: string): Promise<number> {
  let count = 0;
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const line = await readFile(`/proc/${name}/cmdline`, "latin1").catch(() => "");
    if (line.replaceAll("\0", " ").includes(words)) count += 1;
  }
  return count;
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited too long: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

it("tests that are cancelled leave no process behind, wherever they put it", { timeout: 90_000 }, async () => {
  await using at = await openRunStage();
  const seconds = 700_000 + (process.pid % 100_000);
  await using repository = await makeRepository({
    "test_hang.py": [
      "import subprocess, unittest",
      "",
      "class Hang(unittest.TestCase):",
      "    def test_hang(self):",
      `        subprocess.Popen(["sleep", "${seconds}"], start_new_session=True)`,
      `        subprocess.run(["sleep", "${seconds}"])`,
      "",
    ].join("\n"),
  });
  const program = defineProgram({
    name: "cancelled",
    version: "1",
    input: z.unknown(),
    output: z.unknown(),
    run: async (context) => {
      const source = { kind: "folder" as const, path: repository.path };
      const bench = await Workbench.open(context, { sandboxes: at.sandboxes, folders: true }, source, {
        template: "python",
      });
      return await runTests(bench, "tests", { runner: "unittest" });
    },
  });
  const id = await at.start(program, {});
  await until("both run", async () => (await processesWith(`sleep ${seconds}`)) === 2);
  await at.engine.cancel(TENANT, id);
  await until("both are gone", async () => (await processesWith(`sleep ${seconds}`)) === 0);
  await until("the run has ended", async () => (await at.engine.get(TENANT, id)).status === "cancelled");
  expect(await at.open()).toBe(0);
});
