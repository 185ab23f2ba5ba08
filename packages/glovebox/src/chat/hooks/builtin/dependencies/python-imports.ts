import { childOf, namedChildren, nodesOf, type SyntaxNode } from "../../../../syntax/index.ts";
import type { Import } from "./imports.ts";

/** Nodes between an import and the block that it stands in, at most. */
const MAX_UP = 1_000;

/** `import a.b`, `from a import b`, and `import_module("a")` or `__import__("a")` with a literal. Not `from . import a`. */
export function* pythonImports(root: SyntaxNode): Generator<Import> {
  for (const node of nodesOf(root)) {
    for (const module of modulesOf(node)) {
      const [name = ""] = module.split(".");
      if (name !== "" && !isOptional(node)) yield { name, line: node.line };
    }
  }
}

function modulesOf(node: SyntaxNode): readonly string[] {
  switch (node.type) {
    case "import_statement":
      return node.children
        .filter(({ field }) => field === "name")
        .map((child) => (childOf(child, "name") ?? child).text);
    case "import_from_statement": {
      const module = childOf(node, "module_name");
      return module?.type === "dotted_name" ? [module.text] : [];
    }
    case "call":
      return dynamicImport(node);
    default:
      return [];
  }
}

function dynamicImport(node: SyntaxNode): readonly string[] {
  const called = childOf(node, "function")?.text;
  if (called !== "__import__" && called !== "import_module" && called !== "importlib.import_module") return [];
  const [first] = namedChildren(childOf(node, "arguments"));
  if (first?.type !== "string") return [];
  const pieces = namedChildren(first).filter(({ type }) => type !== "string_start" && type !== "string_end");
  return pieces.length === 1 && pieces[0]?.type === "string_content" ? [pieces[0].text] : [];
}

/** Whether the code goes on without it: within `try` with `except ImportError`, or for type checkers only. */
function isOptional(node: SyntaxNode): boolean {
  let child = node;
  for (let up = 0; up < MAX_UP && child.parent !== undefined; up += 1) {
    const { parent } = child;
    if (parent.type === "try_statement" && child.field === "body" && parent.children.some(catchesImportError))
      return true;
    if (parent.type === "if_statement" && child.field === "consequence") {
      const condition = childOf(parent, "condition")?.text;
      if (condition === "TYPE_CHECKING" || condition === "typing.TYPE_CHECKING") return true;
    }
    child = parent;
  }
  return false;
}

function catchesImportError(clause: SyntaxNode): boolean {
  if (clause.type !== "except_clause") return false;
  const caught = clause.children.filter(({ type, named }) => named && type !== "block");
  return (
    caught.length === 0 || caught.some(({ text }) => /\b(?:ImportError|ModuleNotFoundError|Exception)\b/.test(text))
  );
}
