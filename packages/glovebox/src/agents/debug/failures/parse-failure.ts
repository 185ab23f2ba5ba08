import type { ErrorKind, Failure } from "./failure.ts";
import { framesIn } from "./frames.ts";

/** What of a test is read. */
export interface FailedTest {
  readonly id: string;
  readonly status: string;
  readonly message?: string | undefined;
  readonly stack?: string | undefined;
}

const MAX_MESSAGE = 500;
const ERROR_NAME =
  /^(?:[\w.]{0,100}\.)?([A-Z]\w{0,60}(?:Error|Exception|Warning|Exit|Interrupt|Iteration|Failure|TimedOut|Failed))\b/m;

/** The first that fits says the kind: from the error's name and its first line. */
const KINDS: readonly (readonly [ErrorKind, RegExp])[] = [
  ["timeout", /\bTestTimedOut\b|timed out|took longer than/i],
  ["recursion", /RecursionError|Maximum call stack/],
  ["syntax", /SyntaxError|IndentationError/],
  ["import", /ModuleNotFoundError|ImportError|ERR_MODULE_NOT_FOUND|does not provide an export/],
  ["not_raised", /\bnot raised\b|Missing expected (?:exception|rejection)|DID NOT RAISE|to throw\b/],
  [
    "nothing",
    /NoneType|of undefined|of null|is not iterable|undefined is not|None !=|!= None|None is not|undefined !==|^\+ undefined|actual: undefined|None ==/m,
  ],
  ["division", /ZeroDivisionError|Division by zero/i],
  ["index", /IndexError|Invalid array length|out of range/],
  ["key", /KeyError/],
  ["name", /NameError|ReferenceError|UnboundLocalError|AttributeError/],
  ["assertion", /AssertionError|ERR_ASSERTION|^assert\b|expected\b/im],
  ["type", /TypeError/],
];

/** What a failing test says: the kind of error and its frames in the repository. `isTest` says which files are tests. */
export function parseFailure(
  test: FailedTest,
  { root, isTest }: { readonly root: string; readonly isTest: (path: string) => boolean },
): Failure {
  const message = (test.message ?? "").slice(0, 4_000);
  const stack = test.stack ?? "";
  const frames = framesIn(stack === "" ? message : stack, root);
  const text = message === "" ? lastLine(stack) : message;
  return {
    test: test.id,
    kind: test.status === "timeout" ? "timeout" : kindOf(text),
    errorName: ERROR_NAME.exec(text)?.[1] ?? "",
    message: (text.trim().split("\n")[0] ?? "").slice(0, MAX_MESSAGE),
    frames: frames.filter(({ path }) => !isTest(path)),
    testFrames: frames.filter(({ path }) => isTest(path)),
  };
}

function kindOf(text: string): ErrorKind {
  return KINDS.find(([, pattern]) => pattern.test(text))?.[0] ?? "other";
}

function lastLine(text: string): string {
  return text.slice(-8_000).trimEnd().split("\n").at(-1) ?? "";
}
