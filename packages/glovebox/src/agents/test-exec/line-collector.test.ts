import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, symlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { makeRepository } from "../testing/repository.ts";
import { cleanEnvironment, SHOP } from "../testing/vitest-shop.ts";
import { vitest } from "./runners/vitest.ts";

const MODULES = resolve(import.meta.dirname, "../../../../../node_modules");

it("lines of each test are told by vitest itself, under the types and whatever else is taken out of the code", {
  timeout: 60_000,
}, async () => {
  await using repository = await makeRepository(SHOP);
  const { path: root } = repository;
  await symlink(MODULES, join(root, "node_modules"));
  const [results, lines] = [join(root, "results.json"), join(root, "lines.jsonl")];
  const inside = join(import.meta.dirname, "inside");
  const task = { root, results, lines, inside, only: [], coverage: "per_test", testTimeoutMs: 20_000 } as const;
  const [program = "", ...argv] = vitest.argv(task);
  expect(program).toBe("node");
  const child = spawn(process.execPath, argv, { cwd: root, stdio: "ignore", env: cleanEnvironment() });
  const [code] = await once(child, "close");
  const heard = vitest.read(
    await readFile(results, "utf8"),
    { exitCode: code } as Parameters<typeof vitest.read>[1],
    task,
    await readFile(lines, "utf8"),
  );
  expect(code).toBe(1);
  expect(Object.fromEntries(heard.tests.map(({ id, status }) => [id, status]))).toEqual({
    "src/tax.test.ts::tax > of food": "passed",
    "src/tax.test.ts::tax > of tools": "error",
    "src/tax.test.ts::unknown kinds": "passed",
  });
  const ran = Object.fromEntries([...(heard.perTest ?? [])].map(([id, files]) => [id, files["src/tax.ts"]]));
  expect(ran).toEqual({
    "src/tax.test.ts::tax > of food": [13, 14, 15, 18, 21, 22, 25, 28, 29],
    "src/tax.test.ts::tax > of tools": [13, 14, 15, 16, 21, 22, 23, 28, 29],
    "src/tax.test.ts::unknown kinds": [13, 14, 15, 16],
  });
  expect(heard.imported?.["src/tax.ts"]).toContain(7);
});
