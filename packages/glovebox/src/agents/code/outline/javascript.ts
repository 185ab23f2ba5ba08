import { childOf, namedChildren, type SyntaxNode } from "../../../syntax/index.ts";
import { excerptOf, optional } from "./excerpt.ts";
import { javascriptModule } from "./javascript-module.ts";
import type { DeclaredFunction, OutlinedParam, OutlineReader } from "./types.ts";

const NESTING = new Set([
  "if_statement",
  "for_statement",
  "for_in_statement",
  "while_statement",
  "do_statement",
  "try_statement",
  "switch_statement",
]);
const DECLARED = new Set(["function_declaration", "generator_function_declaration", "method_definition"]);
/** Functions whose name is that of what they are given to. */
const VALUES = new Set(["arrow_function", "function_expression", "generator_function"]);
const CLASSES = new Set(["class_declaration", "abstract_class_declaration", "class"]);
const MAX_DOC = 4000;

export const javascriptReader: OutlineReader = {
  functionAt(node) {
    const name = nameOfFunction(node);
    if (name === undefined) return undefined;
    const single = childOf(node, "parameter");
    const doc = docBefore(node);
    return {
      name: excerptOf(name),
      kind: kindOf(node, name.text),
      params: single === undefined ? namedChildren(childOf(node, "parameters")).flatMap(paramsOf) : [plain(single)],
      ...typeOf("returns", childOf(node, "return_type")),
      async: node.children.some(({ type, named }) => type === "async" && !named),
      generator: node.type.startsWith("generator_function") || node.children.some(({ type }) => type === "*"),
      isPublic: isPublicMember(node, name),
      ...(doc === undefined ? {} : { doc }),
      decorators: decoratorsOf(node),
    };
  },
  classAt(node) {
    const name = CLASSES.has(node.type) && node.named ? (childOf(node, "name") ?? nameOfValue(node)) : undefined;
    if (name === undefined) return undefined;
    const heritage = node.children.find(({ type }) => type === "class_heritage");
    const doc = docBefore(node);
    return {
      name: excerptOf(name),
      bases: basesIn(heritage).map((base) => excerptOf(base)),
      isPublic: true,
      ...(doc === undefined ? {} : { doc }),
      decorators: decoratorsOf(node),
    };
  },
  // `else if` is no level of its own.
  nests: ({ type, parent }) => NESTING.has(type) && !(type === "if_statement" && parent?.type === "else_clause"),
  module: javascriptModule,
};

function nameOfFunction(node: SyntaxNode): SyntaxNode | undefined {
  if (DECLARED.has(node.type)) return childOf(node, "name");
  return VALUES.has(node.type) ? nameOfValue(node) : undefined;
}

/** `const name = …`, `{ name: … }`, `name = …` in a class, `exports.name = …`. */
function nameOfValue({ parent, field }: SyntaxNode): SyntaxNode | undefined {
  if (parent === undefined) return undefined;
  const isValue = field === "value" || field === "right";
  if (!isValue) return undefined;
  if (parent.type === "variable_declarator") {
    const name = childOf(parent, "name");
    return name?.type === "identifier" ? name : undefined;
  }
  if (parent.type === "pair") return childOf(parent, "key");
  if (parent.type === "field_definition" || parent.type === "public_field_definition")
    return childOf(parent, "property") ?? childOf(parent, "name");
  if (parent.type !== "assignment_expression") return undefined;
  const left = childOf(parent, "left");
  return left?.type === "member_expression" && /^(module\.)?exports\./.test(left.text.slice(0, 20))
    ? childOf(left, "property")
    : undefined;
}

/** What stands in the class's body; of what is no member, nothing. */
function memberOf(node: SyntaxNode): SyntaxNode | undefined {
  const member = node.type === "method_definition" ? node : node.parent;
  return member?.parent?.type === "class_body" ? member : undefined;
}

function kindOf(node: SyntaxNode, name: string): DeclaredFunction["kind"] {
  const member = memberOf(node);
  if (member === undefined) return "function";
  if (name === "constructor") return "constructor";
  const words = new Set(member.children.filter(({ named }) => !named).map(({ type }) => type));
  if (words.has("static")) return "static";
  if (words.has("get")) return "getter";
  return words.has("set") ? "setter" : "method";
}

function isPublicMember(node: SyntaxNode, name: SyntaxNode): boolean {
  const access = memberOf(node)?.children.find(({ type }) => type === "accessibility_modifier");
  return name.type !== "private_property_identifier" && (access === undefined || access.text === "public");
}

function decoratorsOf(node: SyntaxNode): readonly string[] {
  const decorators = [...node.children, ...(node.parent?.type === "export_statement" ? node.parent.children : [])];
  return decorators.filter(({ type }) => type === "decorator").map((one) => excerptOf(one).slice(1).trim());
}

function basesIn(heritage: SyntaxNode | undefined): readonly SyntaxNode[] {
  return namedChildren(heritage).flatMap((clause) =>
    /^(extends|implements)_clause$/.test(clause.type)
      ? namedChildren(clause).filter(({ type }) => type !== "type_arguments")
      : [clause],
  );
}

function paramsOf(node: SyntaxNode): readonly OutlinedParam[] {
  if (node.type !== "required_parameter" && node.type !== "optional_parameter") return [plain(node)];
  const pattern = childOf(node, "pattern") ?? node;
  if (pattern.type === "this") return [];
  const value = childOf(node, "value");
  const base = plain(pattern);
  return [
    {
      ...base,
      ...typeOf("type", childOf(node, "type")),
      ...optional("default", value),
      optional: base.optional || value !== undefined || node.type === "optional_parameter",
    },
  ];
}

/** A parameter as JavaScript writes it. */
function plain(node: SyntaxNode): OutlinedParam {
  if (node.type === "assignment_pattern") {
    const left = childOf(node, "left");
    return { ...plain(left ?? node), ...optional("default", childOf(node, "right")), optional: true };
  }
  if (node.type === "rest_pattern")
    return { name: excerptOf(node).replace(/^\.\.\./, ""), optional: true, kind: "rest" };
  const kind = node.type === "identifier" ? "positional" : "pattern";
  return { name: excerptOf(node), optional: false, kind };
}

/** `: T` as `T`. */
function typeOf<K extends string>(key: K, annotation: SyntaxNode | undefined): { readonly [P in K]?: string } {
  return optional(key, namedChildren(annotation)[0]);
}

/** The `/** … *\/` right before a declaration. */
function docBefore(node: SyntaxNode): string | undefined {
  let outermost = node;
  const wrappers =
    /^(variable_declarator|lexical_declaration|variable_declaration|export_statement|pair|field_definition|public_field_definition|assignment_expression|expression_statement)$/;
  while (outermost.parent !== undefined && wrappers.test(outermost.parent.type)) {
    // Only the first of what is declared together has what stands before.
    if (outermost.parent.children.find(({ type }) => type === outermost.type) !== outermost) break;
    outermost = outermost.parent;
  }
  const before = siblingBefore(outermost);
  if (before?.type !== "comment" || outermost.line - before.endLine > 1) return undefined;
  const text = excerptOf(before, MAX_DOC);
  if (!text.startsWith("/**")) return undefined;
  return text
    .replace(/^\/\*\*|\*\/$/g, "")
    .split("\n")
    .map((line) => line.replace(/^\s*\*\s?/, ""))
    .join("\n")
    .trim();
}

/** By halves: files may have a hundred thousand siblings. */
function siblingBefore(node: SyntaxNode): SyntaxNode | undefined {
  const siblings = node.parent?.children ?? [];
  let [low, high] = [0, siblings.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((siblings[middle]?.start ?? 0) < node.start) low = middle + 1;
    else high = middle;
  }
  return siblings[low - 1];
}
