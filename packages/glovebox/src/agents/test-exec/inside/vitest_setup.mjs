// Loaded by vitest before each file with tests: says which lines each test runs.
import { createRequire } from "node:module";
import { relative } from "node:path";
import { afterAll, afterEach, beforeEach } from "vitest";

const { openCollector } = createRequire(import.meta.url)("./line_collector.cjs");
const root = process.env.GLOVEBOX_ROOT;
const collector = openCollector(root, process.env.GLOVEBOX_LINES);

beforeEach(() => collector.begin());
// What is set up first is taken down last.
afterEach(({ task }) => collector.end(idOf(task)));
afterAll(() => collector.close());

function idOf(task) {
  const names = [];
  for (let at = task; at !== undefined && at.filepath === undefined; at = at.suite)
    if (at.name !== "") names.unshift(at.name);
  return `${relative(root, task.file.filepath)}::${names.join(" ")}`;
}
