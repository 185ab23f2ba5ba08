import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { BuggyProgram } from "./read-programs.ts";

const run = promisify(execFile);

/** Counts of a file of tests. */
interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/** The tests of each file run in a process of their own, forked off one that has unittest. */
const PYTHON = `
import json, os, sys, unittest
for folder, names in json.loads(sys.argv[1]):
    for name in names:
        pid = os.fork()
        if pid == 0:
            os.chdir(folder)
            sys.path.insert(0, folder)
            result = unittest.TestResult()
            unittest.defaultTestLoader.loadTestsFromName(name[:-3]).run(result)
            failed = len(result.failures) + len(result.errors)
            print(json.dumps({"file": folder + "/" + name, "passed": result.testsRun - failed, "failed": failed}), flush=True)
            os._exit(0)
        os.waitpid(pid, 0)
`;

/** All files in one process: modules have other addresses, so nothing is shared. */
const NODE = `
import { run } from "node:test";
const counts = {};
const files = JSON.parse(process.argv[2]).flatMap(([folder, names]) => names.map((name) => folder + "/" + name));
for (const file of files) counts[file] = { file, passed: 0, failed: 0 };
for await (const { type, data } of run({ files, isolation: "none" })) {
  if (type === "test:pass" && data.file in counts) counts[data.file].passed += 1;
  if (type === "test:fail" && data.file in counts) counts[data.file].failed += 1;
}
for (const one of Object.values(counts)) console.log(JSON.stringify(one));
process.exit(0);
`;

/** What is wrong with the programs themselves: each has to fail with its fault, not altogether, and to pass with its fix; so do its hidden tests. */
export async function checkPrograms(programs: readonly BuggyProgram[]): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), "glovebox-programs-"));
  try {
    const problems: string[] = [];
    for (const language of ["python", "typescript"] as const) {
      const own = programs.filter((program) => program.language === language);
      const counts = await countsOf(language, folder, own);
      for (const program of own)
        problems.push(...problemsOf(program, (path) => counts.get(join(folder, language, program.name, path))));
    }
    return problems;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function countsOf(
  language: BuggyProgram["language"],
  root: string,
  programs: readonly BuggyProgram[],
): Promise<ReadonlyMap<string, Counts>> {
  const jobs: [string, string[]][] = [];
  for (const program of programs) {
    for (const variant of ["faulty", "fixed"] as const) {
      // Nothing ends what hangs in the one process of all.
      if (variant === "faulty" && program.hangs) continue;
      const folder = join(root, language, program.name, variant);
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, program.path), program[variant]);
      for (const { path, text } of [program.visible, program.hidden]) await writeFile(join(folder, path), text);
      jobs.push([folder, [program.visible.path, program.hidden.path]]);
    }
  }
  const [program, script, text] =
    language === "python" ? ["python3", join(root, "run.py"), PYTHON] : [process.execPath, join(root, "run.mjs"), NODE];
  await writeFile(script, text);
  const { stdout } = await run(program, [script, JSON.stringify(jobs)], { timeout: 60_000, maxBuffer: 1 << 24 });
  const lines = stdout.split("\n").filter((line) => line.startsWith("{"));
  return new Map(lines.map((line) => JSON.parse(line) as Counts & { file: string }).map((one) => [one.file, one]));
}

function problemsOf(program: BuggyProgram, counts: (path: string) => Counts | undefined): readonly string[] {
  const { visible, hidden, language, name } = program;
  const at = (variant: string, path: string) => counts(join(variant, path)) ?? { passed: 0, failed: -1 };
  const wrong: string[] = [];
  const [seen, unseen] = [at("faulty", visible.path), at("faulty", hidden.path)];
  if (!program.hangs && (seen.failed < 1 || seen.passed < 1))
    wrong.push(`visible tests with the fault: ${seen.passed} pass, ${seen.failed} fail`);
  if (!program.hangs && unseen.failed < 1) wrong.push("no hidden test fails with the fault");
  for (const { path } of [visible, hidden]) {
    const { passed, failed } = at("fixed", path);
    if (failed !== 0 || passed < 1) wrong.push(`${path} with the fix: ${passed} pass, ${failed} fail`);
  }
  return wrong.map((what) => `${language}/${name}: ${what}`);
}
