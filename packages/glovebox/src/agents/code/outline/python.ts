import { childOf, namedChildren, nodesOf, type SyntaxNode } from "../../../syntax/index.ts";
import { excerptOf, optional } from "./excerpt.ts";
import type { DeclaredFunction, OutlinedExport, OutlinedImport, OutlinedParam, OutlineReader } from "./types.ts";

const NESTING = new Set([
  "if_statement",
  "for_statement",
  "while_statement",
  "try_statement",
  "with_statement",
  "match_statement",
]);
const FUNCTIONS = new Set(["function_definition", "lambda"]);
const MAX_DOC = 4000;

export const pythonReader: OutlineReader = {
  functionAt(node) {
    if (node.type !== "function_definition") return undefined;
    const name = childOf(node, "name");
    if (name === undefined) return undefined;
    const decorators = decoratorsOf(node);
    const kind = kindOf(node, name.text, decorators);
    const params = paramsOf(childOf(node, "parameters"));
    const takesSelf = kind !== "function" && kind !== "static";
    const doc = docIn(childOf(node, "body"));
    return {
      name: excerptOf(name),
      kind,
      params: takesSelf ? params.slice(1) : params,
      ...optional("returns", childOf(node, "return_type")),
      async: node.children[0]?.type === "async",
      generator: isGenerator(node),
      isPublic: isPublicName(name.text),
      ...(doc === undefined ? {} : { doc }),
      decorators,
    };
  },
  classAt(node) {
    if (node.type !== "class_definition") return undefined;
    const name = childOf(node, "name");
    if (name === undefined) return undefined;
    const doc = docIn(childOf(node, "body"));
    return {
      name: excerptOf(name),
      bases: namedChildren(childOf(node, "superclasses")).map((base) => excerptOf(base)),
      isPublic: isPublicName(name.text),
      ...(doc === undefined ? {} : { doc }),
      decorators: decoratorsOf(node),
    };
  },
  nests: ({ type }) => NESTING.has(type),
  module(root) {
    const exports = exportsOf(root);
    return { imports: importsOf(root), exports, exportedNames: new Set(exports.map(({ name }) => name)) };
  },
};

function isPublicName(name: string): boolean {
  return !name.startsWith("_");
}

function decoratorsOf(node: SyntaxNode): readonly string[] {
  if (node.parent?.type !== "decorated_definition") return [];
  return node.parent.children
    .filter(({ type }) => type === "decorator")
    .map((decorator) => excerptOf(decorator).slice(1).trim());
}

function kindOf(node: SyntaxNode, name: string, decorators: readonly string[]): DeclaredFunction["kind"] {
  const around = node.parent?.type === "decorated_definition" ? node.parent.parent : node.parent;
  if (around?.type !== "block" || around.parent?.type !== "class_definition") return "function";
  if (decorators.includes("staticmethod")) return "static";
  if (decorators.some((decorator) => /^(property|cached_property|functools\.cached_property)$/.test(decorator)))
    return "getter";
  if (decorators.some((decorator) => decorator.endsWith(".setter"))) return "setter";
  return name === "__init__" ? "constructor" : "method";
}

function paramsOf(list: SyntaxNode | undefined): OutlinedParam[] {
  const params: OutlinedParam[] = [];
  let kind: OutlinedParam["kind"] = "positional";
  for (const node of namedChildren(list)) {
    if (node.type === "positional_separator") {
      for (const [at, param] of params.entries()) params[at] = { ...param, kind: "positional_only" };
    } else if (node.type === "keyword_separator") kind = "keyword_only";
    else {
      const param = paramOf(node, kind);
      params.push(param);
      if (param.kind === "rest") kind = "keyword_only";
    }
  }
  return params;
}

function paramOf(node: SyntaxNode, kind: OutlinedParam["kind"]): OutlinedParam {
  const value = childOf(node, "value");
  const name = childOf(node, "name") ?? (node.type === "typed_parameter" ? (namedChildren(node)[0] ?? node) : node);
  const splat = { list_splat_pattern: "rest", dictionary_splat_pattern: "keyword_rest" } as const;
  const splatKind = splat[name.type as keyof typeof splat];
  return {
    name: excerptOf(name).replace(/^\*+/, ""),
    ...optional("type", childOf(node, "type")),
    ...optional("default", value),
    optional: value !== undefined || splatKind !== undefined,
    kind: splatKind ?? (name.type === "tuple_pattern" ? "pattern" : kind),
  };
}

/** The text that a body begins with. */
function docIn(body: SyntaxNode | undefined): string | undefined {
  const [first] = namedChildren(body);
  const [string] = first?.type === "expression_statement" ? namedChildren(first) : [];
  if (string?.type !== "string") return undefined;
  const content = string.children.filter(({ type }) => type !== "string_start" && type !== "string_end");
  return content
    .map((part) => excerptOf(part, MAX_DOC))
    .join("")
    .slice(0, MAX_DOC)
    .trim();
}

function isGenerator(node: SyntaxNode): boolean {
  return ownNodesOf(node).some(({ type, named }) => named && type === "yield");
}

/** What is in a function, without the functions in it. */
function ownNodesOf(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  const stack = [...node.children];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    found.push(at);
    if (!FUNCTIONS.has(at.type)) for (const child of at.children) stack.push(child);
  }
  return found;
}

function importsOf(root: SyntaxNode): OutlinedImport[] {
  const found: OutlinedImport[] = [];
  for (const node of nodesOf(root)) {
    if (node.type === "import_statement") {
      for (const name of namedChildren(node)) found.push(importOf(node, childOf(name, "name") ?? name, []));
    } else if (node.type === "import_from_statement" || node.type === "future_import_statement") {
      const module = childOf(node, "module_name");
      const names = node.children.filter(({ field }) => field === "name").map((name) => childOf(name, "name") ?? name);
      const all = node.children.some(({ type }) => type === "wildcard_import");
      const taken = all ? ["*"] : names.map((name) => excerptOf(name));
      if (module !== undefined) found.push(importOf(node, module, taken));
    }
  }
  return found;
}

function importOf(node: SyntaxNode, module: SyntaxNode, names: readonly string[]): OutlinedImport {
  let atLoad = true;
  let typeOnly = false;
  for (let at = node.parent; at !== undefined; at = at.parent) {
    if (FUNCTIONS.has(at.type)) atLoad = false;
    if (at.type === "if_statement" && /TYPE_CHECKING$/.test(childOf(at, "condition")?.text.slice(0, 60) ?? ""))
      typeOnly = true;
  }
  return { module: excerptOf(module), names, line: node.line, typeOnly, atLoad };
}

/** What `__all__` says, else every name that the module defines and that does not begin with `_`. */
function exportsOf(root: SyntaxNode): OutlinedExport[] {
  const found = new Map<string, number>();
  for (const node of namedChildren(root)) {
    for (const name of namesDefinedBy(node)) {
      if (name.text === "__all__") {
        const listed = listedIn(node);
        if (listed !== undefined) return listed;
      }
      if (isPublicName(name.text) && !found.has(name.text)) found.set(excerptOf(name), name.line);
    }
  }
  return [...found].map(([name, line]) => ({ name, line }));
}

function namesDefinedBy(node: SyntaxNode): readonly SyntaxNode[] {
  if (node.type === "decorated_definition")
    return namesDefinedBy(childOf(node, "definition") ?? node.children[0] ?? node);
  if (node.type === "function_definition" || node.type === "class_definition") {
    const name = childOf(node, "name");
    return name === undefined ? [] : [name];
  }
  if (node.type !== "expression_statement") return [];
  const [assignment] = namedChildren(node);
  const left = assignment?.type === "assignment" ? childOf(assignment, "left") : undefined;
  return left?.type === "identifier" ? [left] : [];
}

function listedIn(statement: SyntaxNode): OutlinedExport[] | undefined {
  const right = childOf(namedChildren(statement)[0], "right");
  if (right?.type !== "list" && right?.type !== "tuple") return undefined;
  return namedChildren(right)
    .filter(({ type }) => type === "string")
    .map((string) => ({ name: excerptOf(string).replace(/^["']+|["']+$/g, ""), line: string.line }));
}
