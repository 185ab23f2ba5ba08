import type { Language } from "../../core/index.ts";
import { parseCode, type SyntaxNode, type SyntaxTree } from "../../syntax/index.ts";
import { bashFacts } from "./facts/bash.ts";
import type { Embedded, Facts } from "./facts/facts.ts";
import { javascriptFacts } from "./facts/javascript.ts";
import { pythonFacts } from "./facts/python.ts";
import { rustFacts } from "./facts/rust.ts";
import { MAX_LOOKED_INTO } from "./limits.ts";
import { holdsFor, matchesOf } from "./match.ts";
import type { Finding, Rule, RuleDecision, Validation, ValidationSettings } from "./types.ts";

const MAX_FINDINGS = 100;
const MAX_EXCERPT = 200;
/** Programs in programs: how deep, and how many. */
const MAX_NESTING = 4;
const MAX_EMBEDDED = 100;

const READERS: Readonly<Record<Language, (root: SyntaxNode) => Facts>> = {
  python: pythonFacts,
  javascript: javascriptFacts,
  typescript: javascriptFacts,
  bash: bashFacts,
  rust: rustFacts,
};

interface Judging {
  readonly settings: ValidationSettings;
  readonly findings: Finding[];
  /** Rule and place, so that nothing is told twice. */
  readonly told: Set<string>;
  embedded: number;
}

/** Judges code without running it. Burns CPU: meant for a thread of its own. */
export async function validate(code: string, language: Language, settings: ValidationSettings): Promise<Validation> {
  const judging: Judging = { settings, findings: [], told: new Set(), embedded: 0 };
  if (!settings.allowedLanguages.includes(language)) tellWhole(judging, "language", code, `: ${language}`);
  if (isBinary(code)) tellWhole(judging, "binary", code, "");
  const most = Math.min(settings.maxLength, MAX_LOOKED_INTO);
  if (code.length > most) {
    tellWhole(judging, "length", code, `: it has more than ${most} UTF-16 units`);
    return resultOf(judging, []);
  }
  const tree = await parseCode(code, language);
  const [error] = tree.errors;
  if (error !== undefined)
    tellWhole(judging, "syntax", code, `: line ${error.line}, column ${error.column}: ${error.message}`, error);
  await judge(tree, language, judging, undefined, 0);
  return resultOf(judging, tree.errors);
}

/** Looks for every rule, then into the programs that stand in this one; those are told at `place`, where they stand. */
async function judge(
  tree: SyntaxTree,
  language: Language,
  judging: Judging,
  place: SyntaxNode | undefined,
  depth: number,
): Promise<void> {
  const facts = READERS[language](tree.root);
  for (const rule of judging.settings.rules) {
    // A program that is called is one, whatever the language calls it.
    if (!holdsFor(rule, language) && rule.pattern.kind !== "command") continue;
    for (const node of matchesOf(rule.pattern, facts, tree.root)) tell(judging, rule, place ?? node);
  }
  if (depth >= MAX_NESTING) return;
  for (const inner of facts.embedded) await judgeEmbedded(inner, judging, place ?? inner.node, depth);
}

async function judgeEmbedded(
  { language, code }: Embedded,
  judging: Judging,
  place: SyntaxNode,
  depth: number,
): Promise<void> {
  judging.embedded += 1;
  if (judging.embedded > MAX_EMBEDDED) return;
  const tree = await parseCode(code, language);
  await judge(tree, language, judging, place, depth + 1);
}

function tellWhole(judging: Judging, what: string, code: string, more: string, at = { line: 1, column: 1 }): void {
  const rule = judging.settings.rules.find(({ pattern }) => pattern.kind === "whole" && pattern.what === what);
  if (rule === undefined) return;
  const line = code.length > 1_000_000 ? "" : (code.split("\n")[at.line - 1] ?? "");
  judging.findings.push({
    ...factsOf(rule),
    line: at.line,
    column: at.column,
    endLine: at.line,
    excerpt: line.slice(0, MAX_EXCERPT),
    message: `${rule.message}${more}`,
  });
}

function tell(judging: Judging, rule: Rule, node: SyntaxNode): void {
  const key = `${rule.id} ${node.line}:${node.column}`;
  if (judging.told.has(key) || judging.findings.length >= MAX_FINDINGS) return;
  judging.told.add(key);
  judging.findings.push({
    ...factsOf(rule),
    line: node.line,
    column: node.column,
    endLine: node.endLine,
    excerpt: node.text.slice(0, MAX_EXCERPT),
    message: rule.message,
  });
}

function factsOf({ id, severity, decision }: Rule): Pick<Finding, "ruleId" | "severity" | "decision"> {
  return { ruleId: id, severity, decision };
}

/** NULs and lone halves of surrogate pairs do not come from keyboards, and parsers differ about them. */
function isBinary(code: string): boolean {
  return code.includes("\0") || !code.isWellFormed();
}

const STRICTNESS: Readonly<Record<RuleDecision, number>> = { warn: 0, ask: 1, block: 2 };
const DECISIONS = ["allow", "ask", "block"] as const;

function resultOf({ findings }: Judging, syntaxErrors: Validation["syntaxErrors"]): Validation {
  const strictest = findings.reduce((most, { decision }) => Math.max(most, STRICTNESS[decision]), 0);
  const ordered = findings.toSorted((a, b) => a.line - b.line || a.column - b.column || (a.ruleId < b.ruleId ? -1 : 1));
  return { decision: DECISIONS[strictest] ?? "block", findings: ordered, syntaxErrors };
}
