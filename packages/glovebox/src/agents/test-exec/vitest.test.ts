import { cp, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { z } from "zod";
import { defineProgram } from "../../engine/index.ts";
import { openRunStage } from "../../runs/testing/run-stage.ts";
import { TENANT } from "../../sessions/testing/stage.ts";
import { CodeThreads } from "../code/code-threads.ts";
import { diagnose } from "../debug/diagnose.ts";
import { DebugPayload } from "../debug/payload.ts";
import { makeRepository } from "../testing/repository.ts";
import { SHOP } from "../testing/vitest-shop.ts";
import { Workbench } from "../workbench/workbench.ts";
import { runTests } from "./run-tests.ts";
import type { TestReport } from "./test-report.ts";

const MODULES = resolve(import.meta.dirname, "../../../../../node_modules");

/** A package with all that it needs at run time, by names of folders. */
async function closureOf(name: string, found = new Set<string>()): Promise<ReadonlySet<string>> {
  const manifest = await readFile(join(MODULES, name, "package.json"), "utf8").catch(() => undefined);
  if (manifest === undefined || found.has(name)) return found; // an optional one, for another machine
  found.add(name);
  const { dependencies = {}, optionalDependencies = {} } = JSON.parse(manifest) as Record<
    string,
    Record<string, string>
  >;
  for (const needed of Object.keys({ ...dependencies, ...optionalDependencies })) await closureOf(needed, found);
  return found;
}

// The folder has 50 MB: too much for every change.
const isAll = process.env.GLOVEBOX_TESTS === "all";

it.runIf(isAll)(
  "vitest runs in the sandbox from the folder that the repository brings along",
  { timeout: 120_000 },
  async () => {
    await using at = await openRunStage();
    await using code = new CodeThreads();
    await using repository = await makeRepository({
      ...SHOP,
      "src/add.ts": "export const add = (a: number, b: number): number => a - b;\n",
      "src/add.test.ts":
        'import { describe, expect, it } from "vitest";\nimport { add } from "./add.ts";\n\ndescribe("add", () => {\n  it("adds", () => expect(add(1, 2)).toBe(3));\n  it("nothing", () => expect(add(1, 0)).toBe(1));\n});\n',
    });
    // vite is what vitest stands beside, not what it brings.
    for (const name of await closureOf("vitest", new Set(await closureOf("vite")))) {
      await cp(join(MODULES, name), join(repository.path, "node_modules", name), {
        recursive: true,
        verbatimSymlinks: true,
      });
    }
    const program = defineProgram({
      name: "vitest",
      version: "1",
      input: z.unknown(),
      output: z.unknown(),
      run: async (context) => {
        const source = { kind: "folder" as const, path: repository.path, include: ["node_modules"] };
        const parts = { sandboxes: at.sandboxes, folders: true };
        const bench = await Workbench.open(context, parts, source, { template: "node" });
        const whole = await runTests(bench, "tests");
        const one = await runTests(bench, "one", { runner: "vitest", only: ["src/add.test.ts::add > nothing"] });
        // By frames alone the line that throws comes first: a test that passes comes to it as well.
        const { suspects, failures } = await diagnose({ run: context, code }, bench, DebugPayload.parse({}));
        const ranked = suspects.filter(({ path }) => path === "src/tax.ts").map(({ line }) => line);
        return { whole, one, ranked, failures, diff: await bench.diff("diff") };
      },
    });
    const id = await at.start(program, {});
    const seen = (await at.engine.result(TENANT, id, AbortSignal.timeout(110_000))) as Record<
      "whole" | "one",
      TestReport
    > & {
      readonly ranked: readonly number[];
      readonly failures: readonly unknown[];
      readonly diff: { readonly files: readonly unknown[] };
    };
    expect(seen.whole).toMatchObject({
      runner: "vitest",
      status: "failed",
      exitCode: 1,
      tests: [
        { id: "src/add.test.ts::add > adds", status: "failed", stack: expect.stringContaining("src/add.test.ts:5:") },
        { id: "src/add.test.ts::add > nothing", status: "passed" },
        { id: "src/tax.test.ts::tax > of food", status: "passed" },
        { id: "src/tax.test.ts::tax > of tools", status: "error" },
        { id: "src/tax.test.ts::unknown kinds", status: "passed" },
      ],
    });
    expect(seen.one).toMatchObject({
      status: "passed",
      tests: [{ id: "src/add.test.ts::add > nothing", status: "passed" }],
    });
    expect(seen.failures).toContainEqual(
      expect.objectContaining({
        frames: expect.arrayContaining([expect.objectContaining({ path: "src/tax.ts", line: 16 })]),
      }),
    );
    expect(seen.ranked[0]).toBe(23);
    expect(seen.diff.files).toEqual([]);
  },
);
