import { childOf, namedChildren, nodesOf, parseCode, type SyntaxNode } from "../../syntax/index.ts";
import { type CodeFile, grammarOfFile } from "../code/code-file.ts";
import { outline } from "../code/outline/outline.ts";
import type { OutlinedImport } from "../code/outline/types.ts";
import { isTestFile } from "../layout/layout-of.ts";

/** Something about the design of a file. */
export interface ReviewFinding {
  readonly rule:
    | "parameters"
    | "length"
    | "nesting"
    | "docs"
    | "mutable-default"
    | "global-state"
    | "cycle"
    | "fan-out";
  readonly path: string;
  readonly line: number;
  /** The function, class or module. */
  readonly target: string;
  readonly details: string;
  readonly suggestion: string;
  /** Of a cycle, all its modules. */
  readonly along?: readonly string[];
  /** How far beyond its bound: 1 is just beyond. Orders findings. */
  readonly weight: number;
}

export interface ReviewFacts {
  readonly findings: readonly ReviewFinding[];
  readonly imports: readonly Pick<OutlinedImport, "module" | "names" | "line" | "typeOnly" | "atLoad">[];
}

export const BOUNDS = { parameters: 5, lines: 50, nesting: 4, fanOut: 15 } as const;
/** Of one file. */
const MAX_FINDINGS = 200;

/** What can be said of a file by itself, and what it imports. Burns CPU: meant for a thread. Tests need no docs. */
export async function reviewFacts(file: CodeFile): Promise<ReviewFacts> {
  const { path } = file;
  const { language, functions, classes, imports } = await outline(file);
  const findings: ReviewFinding[] = [];
  for (const { qualifiedName: target, line, endLine, params, nesting, exported, doc, kind } of functions) {
    const lines = endLine - line + 1;
    const about = { path, line, target };
    if (params.length > BOUNDS.parameters)
      findings.push({
        ...about,
        rule: "parameters",
        details: `takes ${params.length} parameters, more than ${BOUNDS.parameters}`,
        suggestion: "Put those that belong together into one object.",
        weight: params.length / BOUNDS.parameters,
      });
    if (lines > BOUNDS.lines)
      findings.push({
        ...about,
        rule: "length",
        details: `has ${lines} lines, more than ${BOUNDS.lines}`,
        suggestion: "Take a part that has a name of its own out of it.",
        weight: lines / BOUNDS.lines,
      });
    if (nesting > BOUNDS.nesting)
      findings.push({
        ...about,
        rule: "nesting",
        details: `nests ${nesting} levels deep, more than ${BOUNDS.nesting}`,
        suggestion: "Return early, or take the inner part out.",
        weight: nesting / BOUNDS.nesting,
      });
    const needsDoc = exported && doc === undefined && kind !== "constructor" && kind !== "setter" && !isTestFile(path);
    if (needsDoc)
      findings.push({
        ...about,
        rule: "docs",
        details: "is public and has no documentation",
        suggestion: "Say what it does, and what it throws.",
        weight: 0.1,
      });
  }
  for (const { qualifiedName: target, line, exported, doc } of classes) {
    if (exported && doc === undefined && !isTestFile(path))
      findings.push({
        path,
        line,
        target,
        rule: "docs",
        details: "is public and has no documentation",
        suggestion: "Say what it is for.",
        weight: 0.1,
      });
  }
  const { root } = await parseCode(file.text, grammarOfFile(file).grammar);
  findings.push(...(language === "python" ? pythonState(root, path) : javascriptState(root, path)));
  return { findings: findings.slice(0, MAX_FINDINGS), imports: imports.slice(0, 2_000) };
}

const MUTABLE = /^(list|dictionary|set|list_comprehension|dictionary_comprehension|set_comprehension)$/;
const MUTABLE_CALL = /^(list|dict|set|bytearray|defaultdict|deque|Counter|OrderedDict|collections\.\w+)$/;

function isMutable(node: SyntaxNode | undefined): boolean {
  if (node === undefined) return false;
  return (
    MUTABLE.test(node.type) ||
    (node.type === "call" && MUTABLE_CALL.test(childOf(node, "function")?.text.slice(0, 100) ?? ""))
  );
}

/** Defaults that every call shares, and functions that set what is the whole module's. */
function pythonState(root: SyntaxNode, path: string): ReviewFinding[] {
  const found: ReviewFinding[] = [];
  for (const node of nodesOf(root)) {
    if (
      (node.type === "default_parameter" || node.type === "typed_default_parameter") &&
      isMutable(childOf(node, "value"))
    ) {
      const target = (childOf(node, "name")?.text ?? "").slice(0, 200);
      found.push({
        path,
        line: node.line,
        target,
        rule: "mutable-default",
        details: "has a default that all calls share and can change",
        suggestion: "Use None, and make it inside.",
        weight: 2,
      });
    }
    if (node.type === "global_statement") {
      const target = namedChildren(node)
        .map(({ text }) => text.slice(0, 100))
        .join(", ")
        .slice(0, 200);
      found.push({
        path,
        line: node.line,
        target,
        rule: "global-state",
        details: "is set from within a function for the whole module",
        suggestion: "Keep it in an object that is given to whoever needs it.",
        weight: 1.5,
      });
    }
  }
  return found;
}

/** `let` and `var` of the module that a function sets. */
function javascriptState(root: SyntaxNode, path: string): ReviewFinding[] {
  const variables = new Map<string, SyntaxNode>();
  for (const statement of root.children) {
    const declaration = statement.type === "export_statement" ? childOf(statement, "declaration") : statement;
    const isChangeable = declaration?.type === "variable_declaration" || declaration?.children[0]?.type === "let";
    if (declaration === undefined || !isChangeable) continue;
    for (const one of namedChildren(declaration)) {
      const name = childOf(one, "name");
      if (name?.type === "identifier") variables.set(name.text.slice(0, 200), one);
    }
  }
  const found = new Map<string, ReviewFinding>();
  for (const node of nodesOf(root)) {
    const left = /^(augmented_)?assignment_expression$/.test(node.type)
      ? childOf(node, "left")
      : node.type === "update_expression"
        ? childOf(node, "argument")
        : undefined;
    const target = left?.type === "identifier" ? left.text.slice(0, 200) : "";
    const declared = variables.get(target);
    if (declared === undefined || found.has(target) || !isInFunction(node)) continue;
    found.set(target, {
      path,
      line: declared.line,
      target,
      rule: "global-state",
      details: "belongs to the whole module and is set from within a function",
      suggestion: "Keep it in an object that is given to whoever needs it.",
      weight: 1.5,
    });
  }
  return [...found.values()];
}

function isInFunction(node: SyntaxNode): boolean {
  for (let at = node.parent; at !== undefined; at = at.parent) {
    if (/^(function_|generator_function|arrow_function|method_definition)/.test(at.type)) return true;
  }
  return false;
}
