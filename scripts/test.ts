/**
 * `make test`: the lint checks, then every test, then one summary that names each skip with its reason.
 * Arguments are passed on to vitest: `node scripts/test.ts packages/glovebox/src/store`.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { FileSummary } from "./summary-reporter.ts";

const root = resolve(import.meta.dirname, "..");
/** Isolations that set-up installs on Debian; a machine that was set up must not skip their tests. */
const INSTALLED = ["isolate", "bubblewrap", ...(process.getuid?.() === 0 ? ["gvisor", "microvm"] : [])];
/** More files than these do not fail by accident. */
const MOST_AGAIN = 4;
/** How many of the slowest files are named. */
const SLOWEST = 12;

function run(script: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): boolean {
  const argv = ["--conditions=development", script, ...args];
  return spawnSync(process.execPath, argv, { cwd: root, stdio: ["ignore", "inherit", "inherit"], env }).status === 0;
}

interface TestRun {
  readonly files: readonly FileSummary[];
  /** What failed besides tests. */
  readonly problems: readonly string[];
}

function runTests(args: readonly string[]): TestRun {
  const folder = mkdtempSync(join(tmpdir(), "glovebox-test-"));
  const file = join(folder, "summary.json");
  try {
    const reporters = ["--reporter=dot", "--reporter=./scripts/summary-reporter.ts"];
    const ok = run(join(root, "node_modules/vitest/vitest.mjs"), ["run", ...reporters, ...args], {
      ...process.env,
      GLOVEBOX_TEST_SUMMARY: file,
    });
    const files = readSummary(file);
    if (files === undefined) return { files: [], problems: ["the test runner ended without a summary"] };
    const isExplained = ok || files.some(({ failed, isBroken }) => failed.length > 0 || isBroken);
    return { files, problems: isExplained ? [] : ["the test runner failed"] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readSummary(file: string): readonly FileSummary[] | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as readonly FileSummary[];
  } catch {
    return undefined;
  }
}

/**
 * Runs files of which something failed once more, from their beginning and by themselves: within a file a second try of a test meets what the first has
 * left. Not when many failed, nor for what must never fail.
 */
function tryAgain(first: TestRun): TestRun {
  const wrong = first.files.filter(({ failed, isBroken }) => failed.length > 0 || isBroken);
  const again = wrong.filter(({ failed }) => failed.every(({ isFinal }) => !isFinal)).map(({ file }) => file);
  if (again.length === 0 || wrong.length > MOST_AGAIN) return first;
  console.log(`once more, by themselves: ${again.join(", ")}`);
  const second = runTests([...again, "--retry=0"]);
  const files = first.files.map((before) => {
    const after = second.files.find(({ file }) => file === before.file);
    if (after === undefined || !again.includes(before.file)) return before;
    return { ...after, flaky: [...before.flaky, ...before.failed] };
  });
  return { files, problems: [...first.problems, ...second.problems] };
}

const args = process.argv.slice(2);
const isWhole = args.length === 0;
const lintOk = !isWhole || run(join(root, "scripts/lint.ts"), []);
const ran = isWhole ? tryAgain(runTests(args)) : runTests(args);
const problems = new Set(ran.problems);
if (!lintOk) problems.add("lint failed (see above)");
for (const { file, isBroken } of ran.files) if (isBroken) problems.add(`${file} could not be run`);
for (const { test, reason } of ran.files.flatMap(({ skipped }) => skipped)) {
  console.log(`skipped: ${test}: ${reason}`);
  const isolation = INSTALLED.find((name) => reason.startsWith(`isolation ${name}`));
  if (isolation !== undefined && process.env.GLOVEBOX_SYSTEM !== "skip") {
    problems.add(`tests of ${isolation} were skipped although set-up installs it: ${reason}`);
  }
}
for (const { file, flaky } of ran.files)
  for (const { test, error } of flaky) console.log(`flaky: ${test}: at first: ${error} [${file}]`);
for (const { test, seconds, of } of ran.files.flatMap(({ nearLimit }) => nearLimit))
  console.log(`near its limit: ${test}: ${seconds} of ${of} s`);
if (isWhole) {
  const slowest = [...ran.files].sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST);
  for (const { file, seconds } of slowest) console.log(`slow: ${seconds} s ${file}`);
}
for (const { file, failed } of ran.files)
  for (const { test, error } of failed) console.log(`FAILED: ${test}: ${error} [${file}]`);
for (const problem of problems) console.log(`FAILED: ${problem}`);
const sum = (count: (file: FileSummary) => number) => ran.files.reduce((total, file) => total + count(file), 0);
const passed = sum((file) => file.passed);
const failed = sum((file) => file.failed.length) + problems.size;
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
console.log(`${passed} passed, ${failed} failed, ${sum((file) => file.skipped.length)} skipped`);
