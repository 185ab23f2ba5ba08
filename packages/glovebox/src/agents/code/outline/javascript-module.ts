import { childOf, namedChildren, nodesOf, type SyntaxNode } from "../../../syntax/index.ts";
import { excerptOf } from "./excerpt.ts";
import type { OutlinedExport, OutlinedImport, OutlineReader } from "./types.ts";

const FUNCTION = /^(function_|generator_function|arrow_function|method_definition)/;

/** What a file takes from others, and gives them: as modules do since 2015, and as CommonJS does. */
export const javascriptModule: OutlineReader["module"] = (root) => {
  const imports: OutlinedImport[] = [];
  const exports: OutlinedExport[] = [];
  /** Names in the file, which may be exported under others. */
  const exportedNames = new Set<string>();
  for (const node of nodesOf(root)) {
    const taken = importAt(node);
    if (taken !== undefined) imports.push(taken);
    for (const { local, as } of exportsAt(node)) {
      exports.push({ name: excerptOf(as ?? local), line: node.line });
      if (!fromElsewhere(node)) exportedNames.add(excerptOf(local));
    }
    if (node.type === "export_statement" && node.children.some(({ type }) => type === "default"))
      exports.push({ name: "default", line: node.line });
  }
  return { imports, exports: uniqueByName(exports), exportedNames };
};

function uniqueByName(exports: readonly OutlinedExport[]): OutlinedExport[] {
  return [...new Map(exports.toReversed().map((one) => [one.name, one])).values()].toReversed();
}

function fromElsewhere(node: SyntaxNode): boolean {
  return node.type === "export_statement" && childOf(node, "source") !== undefined;
}

function importAt(node: SyntaxNode): OutlinedImport | undefined {
  if (node.type === "import_statement" || fromElsewhere(node)) {
    const source = childOf(node, "source");
    const typeOnly = node.children.some(({ type, named }) => type === "type" && !named);
    return source && { module: stringOf(source), names: namesTaken(node), line: node.line, typeOnly, atLoad: true };
  }
  if (node.type !== "call_expression") return undefined;
  const called = childOf(node, "function");
  const isImport = called?.type === "import" || (called?.type === "identifier" && called.text === "require");
  const [argument] = isImport ? namedChildren(childOf(node, "arguments")) : [];
  if (argument?.type !== "string") return undefined;
  const atLoad = called?.type !== "import" && !isInFunction(node);
  return { module: stringOf(argument), names: [], line: node.line, typeOnly: false, atLoad };
}

function isInFunction(node: SyntaxNode): boolean {
  for (let at = node.parent; at !== undefined; at = at.parent) if (FUNCTION.test(at.type)) return true;
  return false;
}

function stringOf(node: SyntaxNode): string {
  return excerptOf(node).replace(/^["'`]|["'`]$/g, "");
}

function namesTaken(statement: SyntaxNode): string[] {
  const names: string[] = [];
  for (const clause of namedChildren(statement)) {
    for (const part of clause.type === "import_clause" ? namedChildren(clause) : [clause]) {
      if (part.type === "identifier") names.push("default");
      if (part.type === "namespace_import" || part.type === "namespace_export") names.push("*");
      if (part.type === "named_imports" || part.type === "export_clause")
        names.push(...namedChildren(part).map((one) => excerptOf(childOf(one, "name") ?? one)));
    }
  }
  if (names.length === 0 && statement.type === "export_statement") names.push("*");
  return names;
}

interface Exported {
  /** In the file. */
  readonly local: SyntaxNode;
  /** Outside, when it is another. */
  readonly as?: SyntaxNode | undefined;
}

function exportsAt(node: SyntaxNode): readonly Exported[] {
  if (node.type === "assignment_expression") return commonJsExports(node);
  if (node.type !== "export_statement") return [];
  const clause = node.children.find(({ type }) => type === "export_clause");
  if (clause !== undefined)
    return namedChildren(clause).map((one) => ({ local: childOf(one, "name") ?? one, as: childOf(one, "alias") }));
  const value = childOf(node, "value");
  if (value?.type === "identifier") return [{ local: value }];
  return declaredBy(childOf(node, "declaration")).map((local) => ({ local }));
}

function declaredBy(declaration: SyntaxNode | undefined): readonly SyntaxNode[] {
  const name = childOf(declaration, "name");
  if (name !== undefined) return [name];
  return namedChildren(declaration)
    .filter(({ type }) => type === "variable_declarator")
    .flatMap((declarator) => childOf(declarator, "name") ?? []);
}

/** `module.exports = { a, b: c }`, `module.exports = a`, `exports.a = …`. */
function commonJsExports(node: SyntaxNode): readonly Exported[] {
  const [left, right] = [childOf(node, "left"), childOf(node, "right")];
  if (left?.type !== "member_expression" || right === undefined) return [];
  const target = left.text.slice(0, 200);
  if (/^(module\.)?exports\.[\w$]+$/.test(target)) {
    const as = childOf(left, "property");
    if (as === undefined) return [];
    return right.type === "identifier" ? [{ local: right, as }] : [{ local: as }];
  }
  if (target !== "module.exports") return [];
  if (right.type === "identifier") return [{ local: right }];
  if (right.type !== "object") return [];
  return namedChildren(right).flatMap((member): readonly Exported[] => {
    if (member.type === "shorthand_property_identifier") return [{ local: member }];
    const [as, value] = [childOf(member, "key"), childOf(member, "value")];
    return as !== undefined && value?.type === "identifier" ? [{ local: value, as }] : [];
  });
}
