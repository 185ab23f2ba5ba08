import { execFile } from "node:child_process";
import { accessSync, chownSync, constants, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

const run = promisify(execFile);
const NOBODY = 65534;
const FILES = ["bubblewrap", "bubblewrap-network-escapes", "bubblewrap-snapshots"].map(
  (name) => `conformance/drivers/${name}.test.ts`,
);
const root = resolve(import.meta.dirname, "../..");

/** Root can become somebody else; anybody else has run the suite as an ordinary user already. */
describe.skipIf(process.getuid?.() !== 0)("the whole suite of the bubblewrap driver", () => {
  test("passes for an ordinary user, without any cgroup", { timeout: 360_000 }, async ({ skip }) => {
    const home = mkdtempSync(join(tmpdir(), "glovebox-nobody-"));
    chownSync(home, NOBODY, NOBODY);
    const as = ["--reuid", String(NOBODY), "--regid", String(NOBODY), "--clear-groups"];
    try {
      accessSync(process.execPath, constants.X_OK);
      const readable = await run("setpriv", [
        ...as,
        process.execPath,
        "-e",
        `require("fs").readdirSync(${JSON.stringify(root)})`,
      ]).then(
        () => true,
        () => false,
      );
      skip(!readable, "the repository cannot be read by an ordinary user");
      const vitest = join(root, "node_modules/vitest/vitest.mjs");
      const report = join(home, "report.json");
      const output = ["--configLoader", "runner", "--reporter", "json", "--outputFile", report];
      const args = [vitest, "run", ...output, ...FILES];
      const env = { PATH: process.env.PATH ?? "", HOME: home, TMPDIR: home, GLOVEBOX_NATIVE_DIR: join(home, "native") };
      const problem = await run("setpriv", [...as, process.execPath, ...args], { cwd: root, env }).then(
        () => "",
        (error: { stderr?: string }) => String(error.stderr).slice(-2000),
      );
      const { testResults, numPassedTests } = JSON.parse(readFileSync(report, "utf8"));
      const failed = testResults.flatMap((file: { assertionResults: { status: string; fullName: string }[] }) =>
        file.assertionResults.filter((result) => result.status === "failed").map((result) => result.fullName),
      );
      expect(failed, problem).toEqual([]);
      expect(numPassedTests, problem).toBeGreaterThan(30);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});
