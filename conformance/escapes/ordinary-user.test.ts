import { spawn } from "node:child_process";
import { chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";

const NOBODY = 65_534;
const root = resolve(import.meta.dirname, "../..");
const FILES = ["bubblewrap", "archives", "races", "daemons"].map((name) => `conformance/escapes/${name}.test.ts`);

/** Descriptor 9 is left open by whoever started the server, as careless scripts do. */
const CARELESS = 'exec 9<"$1"; shift; exec "$@"';

/** Root can become somebody else; anybody else has run the files as an ordinary user already. */
describe.skipIf(process.getuid?.() !== 0)("the escapes", () => {
  test("fail for an ordinary user's sandboxes, too", { timeout: 240_000 }, async ({ skip }) => {
    const home = mkdtempSync(join(tmpdir(), "glovebox-nobody-"));
    try {
      chownSync(home, NOBODY, NOBODY);
      const secret = join(home, "inherited");
      writeFileSync(secret, "host-secret", { mode: 0o644 });
      const as = ["setpriv", "--reuid", String(NOBODY), "--regid", String(NOBODY), "--clear-groups"];
      const env = { PATH: process.env.PATH ?? "", HOME: home, TMPDIR: home, GLOVEBOX_NATIVE_DIR: join(home, "native") };
      const node = async (args: readonly string[]) => {
        const argv = ["-c", CARELESS, "sh", secret, ...as, process.execPath, ...args];
        const child = spawn("/bin/sh", argv, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
        const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
        return { out, err };
      };
      const seen = await node([
        "-e",
        'require("fs").readdirSync("."); console.log(require("fs").readFileSync(9, "utf8"))',
      ]);
      skip(seen.err.includes("EACCES"), "isolation bubblewrap: the repository cannot be read by an ordinary user");
      expect(seen.out.trim()).toBe("host-secret");
      const vitest = join(root, "node_modules/vitest/vitest.mjs");
      const file = join(home, "report.json");
      const options = ["--configLoader", "runner", "--reporter", "json", `--outputFile=${file}`];
      const { err } = await node([vitest, "run", ...options, ...FILES]);
      const report = JSON.parse(await readFile(file, "utf8")) as Report;
      const results = report.testResults.flatMap(({ assertionResults }) => assertionResults);
      expect(results.filter(({ status }) => status === "failed").map(({ fullName }) => fullName)).toEqual([]);
      expect(report.testResults.filter(({ status }) => status === "failed")).toEqual([]);
      expect(results.filter(({ status }) => status === "passed").length, err).toBeGreaterThan(55);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});

interface Report {
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}
