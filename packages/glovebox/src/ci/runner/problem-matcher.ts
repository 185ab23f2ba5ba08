import { createContext, Script } from "node:vm";
import { z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import type { Annotation } from "./job-run.ts";

const group = z.number().int().min(1).max(99);

const Pattern = z.object({
  regexp: z.string().min(1).max(4_096),
  file: group.optional(),
  fromPath: group.optional(),
  line: group.optional(),
  column: group.optional(),
  severity: group.optional(),
  code: group.optional(),
  message: group.optional(),
  loop: z.boolean().optional(),
});

const Matcher = z.object({
  owner: z.string().min(1).max(256),
  severity: z.enum(["error", "warning", "notice"]).optional(),
  pattern: z.array(Pattern).min(1).max(10),
});

/** How output of a tool is read for remarks on lines of code. */
export type ProblemMatcher = z.infer<typeof Matcher>;

const MatcherFile = z.object({ problemMatcher: z.array(Matcher).min(1).max(50) });

/** Reads a file of matchers. Errors: `invalid_argument`. Source: https://github.com/actions/toolkit/blob/main/docs/problem-matchers.md */
export function parseMatchers(text: string): readonly ProblemMatcher[] {
  try {
    const { problemMatcher } = MatcherFile.parse(JSON.parse(text));
    for (const { pattern } of problemMatcher) for (const { regexp } of pattern) new RegExp(regexp);
    return problemMatcher;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new GloveboxError("invalid_argument", `the file of problem matchers cannot be read: ${why}`.slice(0, 1_000));
  }
}

interface Found {
  readonly severity?: string;
  readonly message?: string;
  readonly file?: string;
  readonly line?: string;
  readonly column?: string;
  readonly code?: string;
}

/** Characters of a line that are looked at. */
const MAX_LINE = 4_096;

/** One matcher while it reads: how far its patterns have come. */
class Reading {
  readonly matcher: ProblemMatcher;
  readonly #patterns: readonly (z.infer<typeof Pattern> & { readonly expression: RegExp })[];
  #at = 0;
  #found: Found = {};

  constructor(matcher: ProblemMatcher) {
    this.matcher = matcher;
    this.#patterns = matcher.pattern.map((pattern) => ({ ...pattern, expression: new RegExp(pattern.regexp) }));
  }

  take(line: string): Annotation | undefined {
    const annotation = this.#try(line);
    if (annotation !== "again") return annotation;
    const second = this.#try(line);
    return second === "again" ? undefined : second;
  }

  /** `again`: what was begun does not go on with this line, which may begin anew. */
  #try(line: string): Annotation | undefined | "again" {
    const pattern = this.#patterns[this.#at];
    if (pattern === undefined) return undefined;
    const match = pattern.expression.exec(line);
    if (match === null) {
      const hadBegun = this.#at > 0;
      this.#at = 0;
      this.#found = {};
      return hadBegun ? "again" : undefined;
    }
    const found = { ...this.#found, ...foundBy(pattern, match) };
    const isLast = this.#at === this.#patterns.length - 1;
    if (!isLast) {
      this.#found = found;
      this.#at += 1;
      return undefined;
    }
    // A last pattern that loops keeps what the ones before it found.
    if (pattern.loop !== true || this.#at === 0) {
      this.#at = 0;
      this.#found = {};
    }
    return annotationOf(found, this.matcher.severity);
  }
}

function foundBy(pattern: z.infer<typeof Pattern>, match: RegExpExecArray): Found {
  const found: Record<string, string> = {};
  for (const name of ["severity", "message", "file", "line", "column", "code"] as const) {
    const index = pattern[name];
    const text = index === undefined ? undefined : match[index];
    if (text !== undefined) found[name] = text;
  }
  return found;
}

function annotationOf(found: Found, fallback: string | undefined): Annotation | undefined {
  const { message, file, code } = found;
  if (message === undefined || message === "") return undefined;
  const severity = (found.severity ?? fallback ?? "error").toLowerCase();
  const level = severity === "warning" || severity === "notice" ? severity : severity === "info" ? "notice" : "error";
  const numbers = { line: positive(found.line), column: positive(found.column) };
  return {
    level,
    message,
    ...(code !== undefined && { title: code }),
    ...(file !== undefined && { path: file }),
    ...(numbers.line !== undefined && { line: numbers.line }),
    ...(numbers.column !== undefined && { column: numbers.column }),
  };
}

export function positive(text: string | undefined): number | undefined {
  const number = text === undefined || !/^\d{1,9}$/.test(text) ? 0 : Number(text);
  return number > 0 ? number : undefined;
}

/** What all matchers together may take for one piece of output, milliseconds: their expressions come from the sandbox. */
const PATIENCE_MS = 250;
const stand = createContext(Object.assign(Object.create(null), { work: undefined }) as { work: unknown });
const call = new Script("work()");

/** The matchers of a job. One whose expressions take too long is dropped. */
export class ProblemMatchers {
  #readings: readonly Reading[];

  constructor(matchers: readonly ProblemMatcher[]) {
    this.#readings = matchers.map((matcher) => new Reading(matcher));
  }

  get isEmpty(): boolean {
    return this.#readings.length === 0;
  }

  /** Those of an owner that is there already are replaced. */
  add(matchers: readonly ProblemMatcher[]): void {
    for (const { owner } of matchers) this.remove(owner);
    this.#readings = [...this.#readings, ...matchers.map((matcher) => new Reading(matcher))];
  }

  remove(owner: string): void {
    this.#readings = this.#readings.filter(({ matcher }) => matcher.owner !== owner);
  }

  /** The remarks in some lines, and the owners of matchers that were dropped over them. */
  read(lines: readonly string[]): { readonly annotations: readonly Annotation[]; readonly dropped: readonly string[] } {
    const annotations: Annotation[] = [];
    const dropped: string[] = [];
    for (const reading of this.#readings) {
      try {
        within(PATIENCE_MS, () => {
          for (const line of lines) {
            const found = reading.take(line.slice(0, MAX_LINE));
            if (found !== undefined) annotations.push(found);
          }
        });
      } catch {
        dropped.push(reading.matcher.owner);
        this.remove(reading.matcher.owner);
      }
    }
    return { annotations, dropped };
  }
}

/** Ends work of expressions that go back and forth for ever, which nothing else in the language can. */
function within(ms: number, work: () => void): void {
  stand.work = work;
  call.runInContext(stand, { timeout: ms });
}
