import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What can be wrong with a program: each at least twice in each language. */
export const COMMON_KINDS = [
  "wrong_operator",
  "off_by_one",
  "swapped_arguments",
  "wrong_condition",
  "missing_guard",
  "wrong_variable",
  "wrong_constant",
  "missing_return",
  "wrong_method",
  "wrong_slice",
  "wrong_default",
  "missing_update",
  "wrong_boundary",
  "wrong_exception",
  "shared_state",
] as const;

/** Those, and what was added later as people make it, once or twice each. */
export const FAULT_KINDS = [
  ...COMMON_KINDS,
  "missing_await",
  "swapped_keys",
  "late_binding",
  "wrong_comparison",
  "wrong_rounding",
] as const;

type FaultKind = (typeof FAULT_KINDS)[number];

/** A small program with one fault, and the tests that show it. */
export interface BuggyProgram {
  readonly name: string;
  readonly language: "python" | "typescript";
  readonly kind: FaultKind;
  /** The file that has the fault. */
  readonly path: string;
  readonly faulty: string;
  readonly fixed: string;
  /** From 1. Where something is missing: the statement beside it. */
  readonly faultyLines: readonly number[];
  /** With the fault, some tests never end. */
  readonly hangs: boolean;
  /** What a repair sees. Some fail, some pass. */
  readonly visible: TestFile;
  /** What judges a repair that passes the visible ones. */
  readonly hidden: TestFile;
}

interface TestFile {
  readonly path: string;
  readonly text: string;
}

/** Every program of this folder, by language and name. */
export function readPrograms(): readonly BuggyProgram[] {
  return (["python", "typescript"] as const).flatMap((language) => {
    const folder = join(import.meta.dirname, language);
    const files = readdirSync(folder).sort();
    return files.map((file) =>
      readProgram(language, file.replace(/\.txt$/, ""), readFileSync(join(folder, file), "utf8")),
    );
  });
}

/** Reads one file: lines on the kind, then parts that each begin with `--- name`. README.md says more. */
function readProgram(language: BuggyProgram["language"], name: string, text: string): BuggyProgram {
  const [head = "", ...sections] = text.split(/^--- /m);
  const kind = FAULT_KINDS.find((one) => head.startsWith(`kind: ${one}\n`));
  if (kind === undefined) throw new Error(`${name}: no known kind in ${JSON.stringify(head)}`);
  const parts = new Map(sections.map((section) => cut(section)));
  const part = (title: string) => {
    const found = parts.get(title);
    if (found === undefined) throw new Error(`${name}: no part '${title}'`);
    return found;
  };
  const path = [...parts.keys()].find((title) => title.startsWith("module "))?.slice("module ".length) ?? "";
  const [faulty, fault] = [part(`module ${path}`), part("fault")];
  const at = faulty.indexOf(fault);
  if (at < 0 || faulty.indexOf(fault, at + 1) >= 0) throw new Error(`${name}: the fault is not there exactly once`);
  const first = faulty.slice(0, at).split("\n").length;
  const stem = path.replace(/\.\w+$/, "");
  const tests = (mark: string) => (language === "python" ? `test_${stem}${mark}.py` : `${stem}${mark}.test.ts`);
  return {
    name,
    language,
    kind,
    hangs: /^hangs: yes$/m.test(head),
    path,
    faulty,
    fixed: faulty.slice(0, at) + part("fix") + faulty.slice(at + fault.length),
    faultyLines: fault
      .trimEnd()
      .split("\n")
      .map((_, line) => first + line),
    visible: { path: tests(""), text: part("visible") },
    hidden: { path: tests("_hidden"), text: part("hidden") },
  };
}

function cut(section: string): [string, string] {
  const end = section.indexOf("\n");
  return [section.slice(0, end), section.slice(end + 1)];
}
