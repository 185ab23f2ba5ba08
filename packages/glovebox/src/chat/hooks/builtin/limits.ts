import { z } from "zod";
import { Language } from "../../../core/schemas.ts";
import { answerWith } from "./answers.ts";
import { defineBuiltin, hookAt } from "./define-builtin.ts";

const NAME = "limits";
const TIMEOUT_MS = 5_000;

const Options = z.strictObject({
  /** What may run. Default: every language. */
  languages: z.array(Language).min(1).max(8).optional(),
  /** UTF-16 units of one piece of code. */
  maxLength: z.int().min(1).max(1_000_000).default(10_000),
  maxLines: z.int().min(1).max(1_000_000).optional(),
  /** What happens to code beyond them. */
  action: z.enum(["block", "ask"]).default("block"),
});

/** Holds code to languages and a length. */
export const limits = defineBuiltin({
  name: NAME,
  description: "Holds code to a list of languages, a length, and a number of lines",
  points: ["pre_execution"],
  options: Options,
  make: (options) => [
    hookAt("pre_execution", NAME, TIMEOUT_MS, ({ language, code, tool }) => {
      // What a tool is called with is no program in a language.
      if (tool !== undefined) return { decision: "allow" };
      const why = [...exceeded(language, code, options)];
      return why.length === 0 ? { decision: "allow" } : answerWith(options.action, why.join("; "), []);
    }),
  ],
});

function* exceeded(language: Language, code: string, options: z.output<typeof Options>): Generator<string> {
  const { languages, maxLength, maxLines } = options;
  if (languages?.includes(language) === false) yield `${language} is not among ${languages.join(", ")}`;
  if (code.length > maxLength) yield `the code has ${code.length} characters, of ${maxLength} allowed`;
  if (maxLines === undefined) return;
  const lines = linesOf(code);
  if (lines > maxLines) yield `the code has ${lines} lines, of ${maxLines} allowed`;
}

/** A newline at the end begins no further line. */
function linesOf(code: string): number {
  let lines = code === "" || code.endsWith("\n") ? 0 : 1;
  for (let at = code.indexOf("\n"); at !== -1; at = code.indexOf("\n", at + 1)) lines += 1;
  return lines;
}
