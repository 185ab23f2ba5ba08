/**
 * `make test`: the lint checks, then every test, then one summary that names each skip with its reason.
 * Arguments are passed on to vitest: `node scripts/test.ts packages/glovebox/src/store`.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Summary } from "./summary-reporter.ts";

const root = resolve(import.meta.dirname, "..");
/** Isolations that set-up installs on Debian; a machine that was set up must not skip their tests. */
const INSTALLED = ["isolate", "bubblewrap", ...(process.getuid?.() === 0 ? ["gvisor", "microvm"] : [])];

function run(script: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): boolean {
  const argv = ["--conditions=development", script, ...args];
  return spawnSync(process.execPath, argv, { cwd: root, stdio: ["ignore", "inherit", "inherit"], env }).status === 0;
}

function runTests(args: readonly string[]): { summary: Summary | undefined; ok: boolean } {
  const folder = mkdtempSync(join(tmpdir(), "glovebox-test-"));
  const file = join(folder, "summary.json");
  try {
    const reporters = ["--reporter=dot", "--reporter=./scripts/summary-reporter.ts"];
    const ok = run(join(root, "node_modules/vitest/vitest.mjs"), ["run", ...reporters, ...args], {
      ...process.env,
      GLOVEBOX_TEST_SUMMARY: file,
    });
    return { summary: readSummary(file), ok };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readSummary(file: string): Summary | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Summary;
  } catch {
    return undefined;
  }
}

const args = process.argv.slice(2);
const lintOk = args.length > 0 || run(join(root, "scripts/lint.ts"), []);
const { summary, ok } = runTests(args);
const problems: string[] = [];
if (!lintOk) problems.push("lint failed (see above)");
if (summary === undefined) problems.push("the test runner ended without a summary");
for (const file of summary?.brokenFiles ?? []) problems.push(`${file} could not be run`);
for (const { test, reason } of summary?.skipped ?? []) {
  console.log(`skipped: ${test}: ${reason}`);
  const isolation = INSTALLED.find((name) => reason.startsWith(`isolation ${name}`));
  if (isolation !== undefined && process.env.GLOVEBOX_SYSTEM !== "skip") {
    problems.push(`tests of ${isolation} were skipped although set-up installs it: ${reason}`);
  }
}
for (const { test, file, error } of summary?.flaky ?? []) console.log(`flaky: ${test}: at first: ${error} [${file}]`);
for (const { test, seconds, of } of summary?.nearLimit ?? [])
  console.log(`near its limit: ${test}: ${seconds} of ${of} s`);
if (args.length === 0)
  for (const { file, seconds } of summary?.slowest ?? []) console.log(`slow: ${seconds} s ${file}`);
for (const { test, file, error } of summary?.failed ?? []) console.log(`FAILED: ${test}: ${error} [${file}]`);
if (!ok && problems.length === 0 && (summary?.failed.length ?? 0) === 0) problems.push("the test runner failed");
for (const problem of new Set(problems)) console.log(`FAILED: ${problem}`);
const failed = (summary?.failed.length ?? 0) + new Set(problems).size;
process.exitCode = failed === 0 && (summary?.passed ?? 0) > 0 ? 0 : 1;
console.log(`${summary?.passed ?? 0} passed, ${failed} failed, ${summary?.skipped.length ?? 0} skipped`);
