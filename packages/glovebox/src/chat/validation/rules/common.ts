import type { Rule } from "../types.ts";

/** What holds for code as a whole. */
export const commonRules: readonly Rule[] = [
  {
    id: "common.language",
    language: "any",
    severity: "medium",
    decision: "block",
    pattern: { kind: "whole", what: "language" },
    message: "this language is not allowed here",
  },
  {
    id: "common.length",
    language: "any",
    severity: "medium",
    decision: "block",
    pattern: { kind: "whole", what: "length" },
    message: "the code is longer than is allowed here",
  },
  {
    id: "common.binary",
    language: "any",
    severity: "high",
    decision: "block",
    pattern: { kind: "whole", what: "binary" },
    message: "this is no text: it holds NUL characters or halves of characters",
  },
  {
    id: "common.syntax",
    language: "any",
    severity: "low",
    decision: "block",
    pattern: { kind: "whole", what: "syntax" },
    message: "the code does not parse",
  },
];
