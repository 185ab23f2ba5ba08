/** `make lint`: every check that reads the code without running it. */
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const bin = (name: string) => join(root, "node_modules/.bin", name);

const CHECKS: readonly { readonly name: string; readonly argv: readonly string[] }[] = [
  { name: "format and lint", argv: [bin("biome"), "check", "--error-on-warnings", "."] },
  { name: "types", argv: [bin("tsc"), "-p", "."] },
  { name: "house", argv: [process.execPath, join(root, "scripts/lint-house.ts")] },
  { name: "dead code and dependencies", argv: [bin("knip"), "--no-progress"] },
];

let failed = 0;
for (const { name, argv } of CHECKS) {
  const [command, ...args] = argv;
  const result = spawnSync(command as string, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
  const ok = result.status === 0;
  console.log(`${ok ? "ok    " : "FAILED"} ${name}`);
  if (!ok) {
    failed += 1;
    console.log(`${result.stdout}${result.stderr}`.trimEnd());
  }
}
process.exitCode = failed === 0 ? 0 : 1;
