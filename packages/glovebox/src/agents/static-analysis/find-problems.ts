import type * as AstGrep from "@ast-grep/wasm";
import type { GrammarName } from "../../syntax/index.ts";
import { type CodeFile, grammarOfFile } from "../code/code-file.ts";
import { outline } from "../code/outline/outline.ts";
import type { Severity } from "../messages/artifact.ts";
import { astGrep } from "./ast-grep.ts";
import { type Finding, isAtLeast } from "./finding.ts";
import { ruffFindings } from "./ruff.ts";
import { JAVASCRIPT_RULES } from "./rules/javascript.ts";
import { PYTHON_RULES } from "./rules/python.ts";
import type { AstRule } from "./rules/rule.ts";

/** Of one file. */
const MAX_FINDINGS = 500;

export interface ProblemsInput extends CodeFile {
  /** Less is left out. Default `info`. */
  readonly least?: Severity;
}

/** What the rules find in a file, at most 500 findings, in the order of the code. Burns CPU: meant for a thread. */
export async function findProblems({ least = "info", ...file }: ProblemsInput): Promise<readonly Finding[]> {
  const { language, grammar } = grammarOfFile(file);
  const { todo, parses } = await outline(file);
  const found: Finding[] = todo.map(({ line, text }) => ({
    rule: "todo",
    severity: "info",
    message: text,
    line,
    column: 1,
    endLine: line,
    endColumn: 1,
  }));
  if (language === "python") found.push(...ruffFindings(file));
  else if (!parses) found.push(unreadable());
  const rules = language === "python" ? PYTHON_RULES : JAVASCRIPT_RULES;
  found.push(...matches(await astGrep(), file.text, grammar, rules));
  return found
    .filter(({ severity }) => isAtLeast(severity, least))
    .toSorted((a, b) => a.line - b.line || a.column - b.column || (a.rule < b.rule ? -1 : 1))
    .slice(0, MAX_FINDINGS);
}

function matches(grep: typeof AstGrep, text: string, grammar: GrammarName, rules: readonly AstRule[]): Finding[] {
  const tree = grep.parse(grammar, text);
  try {
    const root = tree.root();
    return rules.flatMap((rule) => {
      const { id, severity, message, suggestion, cwe, constraints } = rule;
      const nodes = root.findAll({ rule: rule.rule, ...(constraints !== undefined && { constraints }) });
      return nodes.slice(0, MAX_FINDINGS).map((node): Finding => {
        const { start, end } = node.range();
        return {
          rule: id,
          severity,
          message,
          suggestion,
          ...(cwe !== undefined && { cwe }),
          line: start.line + 1,
          column: start.column + 1,
          endLine: end.line + 1,
          endColumn: end.column + 1,
        };
      });
    });
  } finally {
    tree.free();
  }
}

function unreadable(): Finding {
  const message = "This is no code of its language, or not all of it";
  return { rule: "syntax", severity: "error", message, line: 1, column: 1, endLine: 1, endColumn: 1 };
}
