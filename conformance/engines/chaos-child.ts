/** Runs random programs on an engine until they end or the process is killed. Arguments: the place, a file with the programs' trees, a file for effects. */

import { once } from "node:events";
import { fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { chaosProgram, type Tree } from "./chaos-programs.ts";
import { openOn } from "./embedded-subject.ts";
import { TENANT } from "./subject.ts";

const [place = "", treesFile = "", effectsFile = ""] = process.argv.slice(2);

// Everything is loaded now: who kills says when to begin, and counts from the answer.
await once(process.stdin, "data");
process.stdin.pause();
const effects = openSync(effectsFile, "a");
const trees = JSON.parse(readFileSync(treesFile, "utf8")) as Tree[];
const tell = (line: unknown) => {
  writeSync(effects, `${JSON.stringify(line)}\n`);
  fsyncSync(effects);
};
const program = chaosProgram({ applied: (key, attempt) => tell([key, attempt]), answered: (key) => tell([key]) });
const engine = await openOn(place, { programs: [program] });
writeSync(1, "open\n");
const handles = [];
for (const [index, tree] of trees.entries()) {
  const options = { tenantId: TENANT, idempotencyKey: `tree ${index}` };
  handles.push(await engine.start(program, { tree, value: `start ${index}` }, options));
}
const results: string[] = [];
for (const handle of handles) results.push(await handle.result());
writeSync(1, JSON.stringify({ results }));
await engine.close();
