import type { ErrorKind, Failure } from "../failures/failure.ts";
import type { LineFacts } from "./line-facts.ts";

/** What speaks for a line besides coverage: a factor for its score, and why. */
export interface Reason {
  readonly factor: number;
  readonly why: string;
}

/** Lines of this kind are likelier where tests fail that way. */
const BY_KIND: Readonly<Partial<Record<ErrorKind, (facts: LineFacts) => Reason | undefined>>> = {
  index: ({ hasSubscript, role }) =>
    hasSubscript || role === "loop" ? { factor: 1.1, why: "subscripts, and an index is out of range" } : undefined,
  key: ({ hasSubscript, role }) =>
    hasSubscript || role === "handler" ? { factor: 1.1, why: "looks something up, and a key is missing" } : undefined,
  division: ({ hasDivision }) => (hasDivision ? { factor: 1.15, why: "divides, and a divisor is zero" } : undefined),
  nothing: ({ fallsOut, role }) =>
    fallsOut
      ? { factor: 1.3, why: "the function ends here without a value" }
      : role === "return"
        ? { factor: 1.05, why: "gives back nothing" }
        : undefined,
  timeout: ({ role }) =>
    role === "loop" || role === "condition" ? { factor: 1.1, why: "a test does not end" } : undefined,
  recursion: ({ role }) => (role === "condition" ? { factor: 1.15, why: "recursion does not end" } : undefined),
  not_raised: ({ role }) =>
    role === "condition" || role === "raise" ? { factor: 1.15, why: "decides whether an error is raised" } : undefined,
};

/** A frame of an error in the repository: where it was raised, and from where. */
const INNERMOST = 1.25;
const OUTER = 1.05;

/** Failures whose frames are not where something went wrong: a test that compares, or that was ended wherever it happened to be, which is elsewhere each time. */
const ELSEWHERE: ReadonlySet<ErrorKind> = new Set(["assertion", "not_raised", "timeout"]);

/** Of the repairs that people make, more are of conditions than of anything else. */
const DECIDES: Reason = { factor: 1.05, why: "decides what comes next" };

/** What the failures say about a line. */
export function reasonsFor(path: string, facts: LineFacts, failures: readonly Failure[]): readonly Reason[] {
  const reasons = [weight(facts)];
  for (const kind of new Set(failures.map((failure) => failure.kind))) {
    const reason = BY_KIND[kind]?.(facts);
    if (reason !== undefined) reasons.push(reason);
  }
  const frames = failures.filter(({ kind }) => !ELSEWHERE.has(kind)).map(({ frames: all }) => all);
  const isAt = (frame: { path: string; line: number } | undefined) => frame?.path === path && frame.line === facts.line;
  if (facts.role === "condition" && !facts.raises) reasons.push(DECIDES);
  // What is raised on purpose comes from elsewhere.
  if (facts.raises) return reasons;
  if (frames.some(([first]) => isAt(first))) reasons.push({ factor: INNERMOST, why: "the error comes from here" });
  else if (frames.some((all) => all.some(isAt))) reasons.push({ factor: OUTER, why: "on the way to the error" });
  return reasons;
}

/** Where there is little to get wrong, little is; where there is more, more, but not without end. */
function weight({ points, role, fallsOut }: LineFacts): Reason {
  const plain = points === 0 && role !== "condition" && !fallsOut;
  return { factor: plain ? 0.8 : 1 - 0.1 * 2 ** (-points / 2), why: plain ? "little to get wrong" : "" };
}
