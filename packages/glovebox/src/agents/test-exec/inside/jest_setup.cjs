// Loaded by jest before each file with tests: says which lines each test runs.
"use strict";
const { relative } = require("node:path");
const { openCollector } = require("./line_collector.cjs");

const root = process.env.GLOVEBOX_ROOT;
const collector = openCollector(root, process.env.GLOVEBOX_LINES);

beforeEach(() => collector.begin());
afterEach(() => {
  const { testPath, currentTestName } = expect.getState();
  collector.end(`${relative(root, testPath)}::${currentTestName}`);
});
afterAll(() => collector.close());
