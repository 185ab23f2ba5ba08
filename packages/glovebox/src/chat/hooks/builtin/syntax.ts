import { z } from "zod";
import type { SyntaxProblem } from "../../../syntax/index.ts";
import { MAX_LOOKED_INTO } from "../../validation/limits.ts";
import { RULES } from "../../validation/rules/index.ts";
import type { ValidateOptions } from "../../validation/settings.ts";
import { validateCode } from "../../validation/validate-code.ts";
import { answerWith } from "./answers.ts";
import { defineBuiltin, hookAt } from "./define-builtin.ts";
import { READING_TIMEOUT_MS } from "./reading-time.ts";

const NAME = "syntax";

const Options = z.strictObject({
  /** What happens to code that does not parse. */
  action: z.enum(["block", "ask", "note"]).default("block"),
});

/** No rule but the parser's. */
const PARSED_ONLY: ValidateOptions = {
  rules: Object.fromEntries(RULES.map(({ id }) => [id, { decision: "off" }])),
  maxLength: MAX_LOOKED_INTO,
};

/** Stops code that does not parse before a sandbox says so. */
export const syntax = defineBuiltin({
  name: NAME,
  description: "Finds code that does not parse, with line and column",
  points: ["pre_execution"],
  options: Options,
  make: ({ action }) => [
    hookAt("pre_execution", NAME, READING_TIMEOUT_MS, async ({ language, code }, { signal }) => {
      const problems = code.length > MAX_LOOKED_INTO ? [TOO_LONG] : await problemsOf();
      const [first] = problems;
      if (first === undefined) return { decision: "allow" };
      const notes = problems.map((problem) => ({ code: "syntax", message: wordsOf(problem) }));
      return answerWith(action, `this is no ${language} that parses: ${wordsOf(first)}`, notes);

      async function problemsOf(): Promise<readonly SyntaxProblem[]> {
        return (await validateCode(code, language, PARSED_ONLY, signal)).syntaxErrors;
      }
    }),
  ],
});

/** What is not looked at is not taken for right. */
const TOO_LONG: SyntaxProblem = {
  line: 1,
  column: 1,
  message: `the code has more than ${MAX_LOOKED_INTO} characters, and is not parsed`,
};

function wordsOf({ line, column, message }: SyntaxProblem): string {
  return `line ${line}, column ${column}: ${message}`;
}
