import { z } from "zod";
import { runTestsIn } from "../../packages/glovebox/src/agents/test-exec/run-tests.ts";
import type { Runner } from "../../packages/glovebox/src/agents/test-exec/test-report.ts";
import { makeRepository } from "../../packages/glovebox/src/agents/testing/repository.ts";
import { Workbench } from "../../packages/glovebox/src/agents/workbench/workbench.ts";
import { defineProgram } from "../../packages/glovebox/src/engine/index.ts";
import { openRunStage } from "../../packages/glovebox/src/runs/testing/run-stage.ts";
import { TENANT } from "../../packages/glovebox/src/sessions/testing/stage.ts";
import type { Case, Measurement } from "../harness.ts";

const ROUNDS = 15;

/** A small repository: ten modules with ten tests each. */
function pythonFiles(): Record<string, string> {
  const files: Record<string, string> = {};
  for (let module = 0; module < 10; module += 1) {
    const tests = Array.from(
      { length: 10 },
      (_, at) => `    def test_${at}(self):\n        self.assertEqual(add(${at}, 1), ${at + 1})\n`,
    );
    files[`numbers_${module}.py`] = "def add(a, b):\n    return a + b\n";
    files[`test_numbers_${module}.py`] =
      `import unittest\n\nfrom numbers_${module} import add\n\n\nclass Numbers(unittest.TestCase):\n${tests.join("\n")}`;
  }
  return files;
}

function typescriptFiles(): Record<string, string> {
  const tests = Array.from(
    { length: 30 },
    (_, at) => `test("adds ${at}", () => assert.equal(add(${at}, 1), ${at + 1}));\n`,
  );
  return {
    "package.json": '{ "type": "module" }',
    "add.ts": "export const add = (a: number, b: number): number => a + b;\n",
    "add.test.ts": `import assert from "node:assert/strict";\nimport { test } from "node:test";\nimport { add } from "./add.ts";\n\n${tests.join("")}`,
  };
}

/** A report per test, beside the runner's own command and its exit code, in turns; both in the repository's sandbox. */
async function measure(
  files: Record<string, string>,
  runner: Runner,
  command: readonly string[],
): Promise<Measurement> {
  await using stage = await openRunStage();
  await using repository = await makeRepository(files);
  const program = defineProgram({
    name: "bench-tests",
    version: "1",
    input: z.unknown(),
    output: z.unknown(),
    run: async (run) => {
      const parts = { sandboxes: stage.sandboxes, folders: true };
      const bench = await Workbench.open(run, parts, { kind: "folder", path: repository.path }, { template: "ci" });
      return await bench.work("tests", {}, async (_input, inside) => {
        const [samples, floor]: [number[], number[]] = [[], []];
        for (let round = -1; round < ROUNDS; round += 1) {
          const bare = await timed(async () => check((await inside.run(command)).exitCode === 0));
          const told = await timed(async () => check((await runTestsIn(inside, { runner })).status === "passed"));
          if (round < 0) continue; // the first of each reads from the disk
          floor.push(bare);
          samples.push(told);
        }
        return { samples, floor };
      });
    },
  });
  const id = await stage.start(program, {});
  const result = await stage.engine.result(TENANT, id, AbortSignal.timeout(300_000));
  const { samples, floor } = result as Record<"samples" | "floor", readonly number[]>;
  return { samples, floor: { name: command.join(" "), samples: floor } };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

function check(isWell: boolean): void {
  if (!isWell) throw new Error("the tests did not pass");
}

/** Tests with a result each, beside the bare runner. */
export const AGENT_CASES: readonly Case[] = [
  {
    name: "agents.tests_python",
    unit: "ms",
    run: () => measure(pythonFiles(), "unittest", ["python3", "-B", "-m", "unittest"]),
  },
  {
    name: "agents.tests_node",
    unit: "ms",
    run: () => measure(typescriptFiles(), "node:test", ["node", "--test"]),
  },
];
