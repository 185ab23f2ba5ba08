/** `make bench [ONLY=prefix]`: runs the cases, prints a table, writes bench/out/latest.json. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { CASES } from "./cases/index.ts";
import { NotHere, type Result, toResult } from "./harness.ts";

const { values } = parseArgs({ options: { only: { type: "string" }, out: { type: "string" } } });
const only = values.only;
const chosen = CASES.filter(({ name }) => only === undefined || name.startsWith(only));
if (chosen.length === 0) {
  console.error(`no benchmark begins with '${only}'; there are: ${CASES.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

const results: Result[] = [];
let broken = 0;
for (const { name, unit, target, run } of chosen) {
  process.stderr.write(`${name} …\n`);
  try {
    results.push(toResult(name, unit, target, await run()));
  } catch (error) {
    if (error instanceof NotHere) {
      console.error(`${name} is left out: ${error.message}`);
      continue;
    }
    broken += 1;
    console.error(`${name} could not be measured: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
  }
}

const table = new Table({
  head: ["name", "unit", "n", "p50", "p95", "p99", "floor", "floor p50", "ratio", "target", "met"],
  style: process.stdout.isTTY ? {} : { head: [], border: [] },
});
for (const r of results) {
  const floor = [r.floor ?? "-", r.floorP50 ?? "-", r.ratio ?? "-"];
  table.push([r.name, r.unit, r.n, r.p50, r.p95, r.p99, ...floor, r.target, r.met ? "yes" : "NO"]);
}
console.log(table.toString());

const folder = join(import.meta.dirname, "out");
mkdirSync(folder, { recursive: true });
writeFileSync(values.out ?? join(folder, "latest.json"), `${JSON.stringify(results, null, 2)}\n`);
// A missed target is a figure to report, not a failure; a case that cannot run is.
process.exit(broken === 0 ? 0 : 1);
