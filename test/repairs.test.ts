import { expect, test } from "vitest";
import { checkPrograms } from "../bench/repairs/check-programs.ts";
import { COMMON_KINDS, FAULT_KINDS, readPrograms } from "../bench/repairs/read-programs.ts";
import { repairPrograms } from "../bench/repairs/repair-programs.ts";

test("the programs that repairs are measured by fail with their faults and pass with their fixes, hidden tests too", async () => {
  const programs = readPrograms();
  for (const language of ["python", "typescript"]) {
    const own = programs.filter((program) => program.language === language);
    expect(own.length).toBeGreaterThanOrEqual(30);
    for (const kind of COMMON_KINDS)
      expect(own.filter((program) => program.kind === kind).length, kind).toBeGreaterThanOrEqual(2);
  }
  for (const kind of FAULT_KINDS) expect(programs.map((program) => program.kind)).toContain(kind);
  expect(await checkPrograms(programs)).toEqual([]);
  // The check itself finds what is wrong.
  const [first] = programs;
  expect(
    await checkPrograms(first === undefined ? [] : [{ ...first, faulty: first.fixed, fixed: first.faulty }]),
  ).toHaveLength(4);
});

test("four of them are found and repaired in real sandboxes, judged by tests that the repair did not see", async () => {
  const names = ["grades", "letter-template", "vector", "price-list"];
  const chosen = readPrograms().filter(({ name }) => names.includes(name));
  const results = await repairPrograms(chosen);
  expect(results.map(({ program, verdict }) => `${program.name}: ${verdict}`)).toEqual(
    ["grades", "letter-template", "price-list", "vector"].map((name) => `${name}: repaired`),
  );
  for (const { rankByCoverage } of results) expect(rankByCoverage).toBeLessThanOrEqual(5);
}, 180_000);
