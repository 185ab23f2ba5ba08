import { z } from "zod";
import { TestStatus } from "../messages/artifact.ts";
import { isRepositoryPath } from "../workbench/repository-tree.ts";
import { type LinesByPath, REPORT_LIMITS, type TestCase, TestId } from "./test-report.ts";

const Lines = z.array(z.number().int().min(1).max(10_000_000)).max(200_000);
const Files = z.record(z.string(), Lines);

/** What programs of ours in `inside/` say, a line each. Tests can write there too: what does not fit is passed over. */
const Line = z.union([
  z.strictObject({ start: TestId }),
  z.strictObject({ test: TestId, status: TestStatus, message: z.string().optional(), stack: z.string().optional() }),
  z.strictObject({ ran: TestId, passed: z.boolean() }),
  z.strictObject({ cover: TestId, files: Files }),
  z.strictObject({ imported: z.literal(true), files: Files }),
  z.strictObject({ file: z.string(), executable: Lines, covered: Lines }),
  z.strictObject({
    ended: z.string(),
    name: z.string(),
    code: z.number().int(),
    signal: z.string().optional(),
    late: z.boolean(),
    tail: z.string(),
  }),
  z.strictObject({ done: z.literal(true) }),
]);
type Line = z.infer<typeof Line>;

export interface Results {
  readonly tests: readonly TestCase[];
  /** The program came to its own end. */
  readonly isDone: boolean;
  readonly coverage: ReadonlyMap<
    string,
    { readonly covered: readonly number[]; readonly executable: readonly number[] }
  >;
  readonly perTest: ReadonlyMap<string, LinesByPath>;
  readonly imported: LinesByPath;
}

/** Reads a file of results, also one that breaks off. `isLate`: because the time was up, and so what had begun did not end. */
export function readResults(text: string, isLate: boolean): Results {
  const reader = new ResultsReader();
  for (const line of text.split("\n")) {
    const read = parse(line);
    if (read !== undefined) reader.take(read);
  }
  return reader.results(isLate);
}

function parse(line: string): Line | undefined {
  if (line === "") return undefined;
  try {
    return Line.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

/** `file` and `name` of an id, and its texts within bounds. */
export function testCase(
  id: string,
  status: TestStatus,
  { message, stack }: { readonly message?: string | undefined; readonly stack?: string | undefined } = {},
): TestCase {
  const at = id.indexOf("::");
  const file = at < 0 ? "" : id.slice(0, at);
  return {
    id,
    ...(isRepositoryPath(file) && { file }),
    name: at < 0 ? id : id.slice(at + 2),
    status,
    ...(message !== undefined && message !== "" && { message: message.slice(0, REPORT_LIMITS.messageChars) }),
    ...(stack !== undefined && stack !== "" && { stack: stack.slice(-REPORT_LIMITS.stackChars) }),
  };
}

class ResultsReader {
  readonly #tests = new Map<string, TestCase>();
  /** Begun, and nothing said of them since. */
  readonly #open = new Set<string>();
  /** Of those the reporter was not heard yet. */
  readonly #ran = new Map<string, boolean>();
  readonly #coverage = new Map<string, { covered: number[]; executable: number[] }>();
  readonly #perTest = new Map<string, Map<string, number[]>>();
  readonly #imported = new Map<string, number[]>();
  #isDone = false;

  take(line: Line): void {
    if ("start" in line) this.#open.add(line.start);
    else if ("test" in line) this.#add(testCase(line.test, line.status, line));
    else if ("ran" in line) {
      this.#open.delete(line.ran);
      this.#ran.set(line.ran, line.passed);
    } else if ("cover" in line) this.#join(this.#of(line.cover), line.files);
    else if ("imported" in line) this.#join(this.#imported, line.files);
    else if ("file" in line) this.#cover(line);
    else if ("ended" in line) this.#endFile(line);
    else this.#isDone = true;
  }

  results(isLate: boolean): Results {
    this.#settle("", isLate ? "timeout" : "error");
    return {
      tests: [...this.#tests.values()],
      isDone: this.#isDone,
      coverage: this.#coverage,
      perTest: new Map([...this.#perTest].map(([id, files]) => [id, Object.fromEntries(files)])),
      imported: Object.fromEntries(this.#imported),
    };
  }

  #add(test: TestCase): void {
    this.#open.delete(test.id);
    this.#ran.delete(test.id);
    if (this.#tests.size >= REPORT_LIMITS.tests) return;
    let { id } = test;
    for (let count = 2; this.#tests.has(id); count += 1) id = `${test.id.slice(0, REPORT_LIMITS.idChars - 8)}#${count}`;
    this.#tests.set(id, { ...test, id });
  }

  /** A process that ran one file of tests has ended. */
  #endFile({ ended: file, name, code, late, tail }: Extract<Line, { ended: string }>): void {
    const known = this.#tests.size;
    this.#settle(`${file}::`, late ? "timeout" : "error");
    const own = [...this.#tests.values()].filter((test) => test.file === file);
    const isBad = own.some(({ status }) => status !== "passed" && status !== "skipped");
    if (own.length > 0 && (code === 0 || isBad || this.#tests.size > known)) return;
    const id = `${file}::${name}`;
    if (code === 0) this.#add(testCase(id, "passed"));
    else if (late) this.#add(testCase(id, "timeout", { message: "the file took too long" }));
    else this.#add(testCase(id, "error", { message: messageOf(tail, code), stack: tail }));
  }

  /** What came of tests of which nothing was said after they had begun, or had ended. */
  #settle(prefix: string, status: "timeout" | "error"): void {
    for (const [id, passed] of [...this.#ran]) {
      if (id.startsWith(prefix)) this.#add(testCase(id, passed ? "passed" : "failed"));
    }
    // Of tests within each other the innermost did not end.
    const open = [...this.#open].filter((id) => id.startsWith(prefix));
    for (const id of open) {
      this.#open.delete(id);
      if (open.some((other) => other.startsWith(`${id} > `))) continue;
      const message = status === "timeout" ? "the test did not end" : "the process ended during the test";
      this.#add(testCase(id, status, { message }));
    }
  }

  #cover({ file, executable, covered }: Extract<Line, { file: string }>): void {
    if (!isRepositoryPath(file)) return;
    const known = this.#coverage.get(file) ?? { covered: [], executable: [] };
    this.#coverage.set(file, {
      covered: union(known.covered, covered),
      executable: union(known.executable, executable),
    });
  }

  #of(id: string): Map<string, number[]> {
    const files = this.#perTest.get(id) ?? new Map<string, number[]>();
    if (this.#perTest.size < REPORT_LIMITS.tests) this.#perTest.set(id, files);
    return files;
  }

  #join(into: Map<string, number[]>, files: Readonly<Record<string, number[]>>): void {
    for (const [path, lines] of Object.entries(files)) {
      if (isRepositoryPath(path)) into.set(path, union(into.get(path) ?? [], lines));
    }
  }
}

function union(a: readonly number[], b: readonly number[]): number[] {
  return [...new Set([...a, ...b])].sort((x, y) => x - y);
}

/** The line of what a process said last that names an error. */
function messageOf(tail: string, code: number): string {
  const named = tail.split("\n").findLast((line) => /^\s*(?:\w*Error|\w*Exception)\b.*:/.test(line));
  return named?.trim() ?? `the process ended with exit code ${code}`;
}
