import { GloveboxError } from "../../core/index.ts";
import type { Runner } from "../test-exec/test-report.ts";
import { isRepositoryPath } from "../workbench/repository-tree.ts";

/** What is profiled and measured. */
export type Subject =
  | { readonly kind: "command"; readonly language: "python" | "node"; readonly argv: readonly string[] }
  | { readonly kind: "tests"; readonly runner: ProfiledRunner; readonly only: readonly string[] };

const PROFILED = ["node:test", "pytest", "unittest"] as const;
type ProfiledRunner = (typeof PROFILED)[number];

/** `invalid_argument` for a command that no profiler here reads. */
export function commandSubject(command: readonly string[]): Subject {
  const [program = "", ...argv] = command;
  const [first = "", second = ""] = argv;
  const isPython = /^python3?(?:\.\d+)?$/.test(program);
  const isModule = isPython && first === "-m" && /^[\w.]+$/.test(second);
  const isFile = !first.startsWith("-") && isRepositoryPath(first);
  if ((isPython || program === "node") && (isModule || isFile)) {
    return { kind: "command", language: isPython ? "python" : "node", argv };
  }
  throw new GloveboxError("invalid_argument", "what is profiled is python3 FILE, python3 -m MODULE or node FILE", {
    details: { path: "command" },
  });
}

/** `invalid_argument` for a runner whose tests no profiler here reads. */
export function testSubject(runner: Runner, only: readonly string[]): Subject {
  const profiled = PROFILED.find((one) => one === runner);
  if (profiled !== undefined) return { kind: "tests", runner: profiled, only };
  throw new GloveboxError("invalid_argument", `tests of ${runner} cannot be profiled; give a command`, {
    details: { path: "runner" },
  });
}

export function isPython(subject: Subject): boolean {
  return subject.kind === "command" ? subject.language === "python" : subject.runner !== "node:test";
}

/** Programs of ours that running it needs. */
export function programsOf(subject: Subject): readonly string[] {
  if (subject.kind === "command") return [];
  const names = isPython(subject) ? ["python_tests.py"] : ["node_tests.mjs", "node_reporter.mjs", "node_collector.mjs"];
  return names.map((name) => `test-exec/inside/${name}`);
}

/** The command that runs it, without a profiler. Relative paths in it are those of the copy that it runs in. `results`: a file for what tests say, which nobody reads. */
export function argvOf(
  subject: Subject,
  { inside, results }: { readonly inside: string; readonly results: string },
): readonly string[] {
  if (subject.kind === "command")
    return subject.language === "python"
      ? ["python3", "-B", ...subject.argv]
      : ["node", "--no-warnings", ...subject.argv];
  const config = JSON.stringify(testConfig(subject, results));
  return isPython(subject)
    ? ["python3", "-B", `${inside}/python_tests.py`, config]
    : ["node", `${inside}/node_tests.mjs`, config];
}

/** What the programs that run tests are told. */
export function testConfig({ runner, only }: Extract<Subject, { kind: "tests" }>, results: string) {
  return { runner, root: ".", results, only, coverage: "none" };
}
