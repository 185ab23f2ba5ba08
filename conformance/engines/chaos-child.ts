/** Runs random programs on an engine until they end or the process is killed. Arguments: the place, a file with the programs' trees, a file for effects. */

import { once } from "node:events";
import { fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { chaosProgram, type Tree } from "./chaos-programs.ts";
import { SAGAS, sagaProgram, undoneSaga } from "./chaos-saga.ts";
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
const world = {
  applied: (key: string, attempt: number) => tell([key, attempt]),
  answered: (key: string) => tell([key]),
};
const program = chaosProgram(world);
const saga = sagaProgram(world);
// Not strict: the world is told from within the program when it has an answer, which writes to a file.
const engine = await openOn(place, { programs: [program, saga], determinism: "warn" });
writeSync(1, "open\n");
const sagas = Array.from({ length: SAGAS }, (_, index) => undoneSaga(engine, saga, index));
const handles = [];
for (const [index, tree] of trees.entries()) {
  const options = { tenantId: TENANT, idempotencyKey: `tree ${index}` };
  handles.push(await engine.start(program, { tree, value: `start ${index}` }, options));
}
const results: string[] = [];
for (const handle of handles) results.push(await handle.result());
writeSync(1, JSON.stringify({ results, sagas: await Promise.all(sagas) }));
await engine.close();
