import { childOf, namedChildren, type SyntaxNode } from "../../../syntax/index.ts";
import type { Word } from "./argv.ts";
import { type Bindings, MAX_DEPTH, unescapeText } from "./bindings.ts";

const GLOBAL_OBJECTS = new Set(["globalThis", "window", "self", "global", "frames"]);
const WRAPPERS = new Set([
  "parenthesized_expression",
  "await_expression",
  "as_expression",
  "satisfies_expression",
  "non_null_expression",
  "type_assertion",
]);

/** What an expression names: `child_process.exec`, `eval`. Modules have no `node:` before them. */
export function javascriptNames(node: SyntaxNode | undefined, known: Bindings, depth = 0): readonly string[] {
  if (node === undefined || depth > MAX_DEPTH) return [];
  if (WRAPPERS.has(node.type)) return javascriptNames(namedChildren(node)[0], known, depth + 1);
  switch (node.type) {
    case "identifier":
    case "shorthand_property_identifier":
      return namesOfIdentifier(node.text, known);
    case "member_expression":
      return members(javascriptNames(childOf(node, "object"), known, depth + 1), childOf(node, "property")?.text);
    case "subscript_expression":
      return members(
        javascriptNames(childOf(node, "object"), known, depth + 1),
        javascriptText(childOf(node, "index"), known),
      );
    case "call_expression":
      return namesOfCall(node, known, depth);
    case "sequence_expression":
      return javascriptNames(namedChildren(node).at(-1), known, depth + 1);
    case "ternary_expression":
    case "binary_expression":
      return namedChildren(node).flatMap((child) => javascriptNames(child, known, depth + 1));
    case "assignment_expression":
      return javascriptNames(childOf(node, "right"), known, depth + 1);
    case "string":
    case "array":
    case "object":
    case "arrow_function":
    case "function_expression":
      // Only so that `"".constructor.constructor` can be told.
      return ["(value)"];
    default:
      return [];
  }
}

function namesOfIdentifier(name: string, known: Bindings): readonly string[] {
  const bound = known.of(name);
  if (bound.length > 0) return bound;
  if (GLOBAL_OBJECTS.has(name)) return ["globalThis"];
  return known.own.has(name) ? [] : [name];
}

function members(objects: readonly string[], member: string | undefined): readonly string[] {
  if (member === undefined) return [];
  return objects.map((object) => {
    if (object === "globalThis") return member;
    // `import cp from "child_process"` and `(await import("child_process")).default` are the module itself.
    return member === "default" ? object : `${object}.${member}`;
  });
}

/** `require("child_process")`, `import("node:child_process")`, `process.getBuiltinModule("fs")`, `f.bind(…)`. */
function namesOfCall(node: SyntaxNode, known: Bindings, depth: number): readonly string[] {
  const called = childOf(node, "function");
  const names = called?.type === "import" ? ["import"] : javascriptNames(called, known, depth + 1);
  const [first] = argumentsOf(node);
  const fetches = names.some((name) =>
    /^(import|(.*\.)?require|process\.getBuiltinModule|module\.createRequire|process\.binding)$/.test(name),
  );
  if (fetches) {
    const module = javascriptText(first, known);
    return module === undefined ? [] : [moduleName(module)];
  }
  if (names.some((name) => /promisify$/.test(name))) return javascriptNames(first, known, depth + 1);
  return names.filter((name) => name.endsWith(".bind")).map((name) => name.slice(0, -".bind".length));
}

export function moduleName(specifier: string): string {
  return specifier.replace(/^node:/, "");
}

export function argumentsOf(call: SyntaxNode): readonly SyntaxNode[] {
  return namedChildren(childOf(call, "arguments"));
}

/** A text that is written out: a string, a template without gaps, several added, or a variable that holds one. */
export function javascriptText(node: SyntaxNode | undefined, known: Bindings, depth = 0): string | undefined {
  if (node === undefined || depth > MAX_DEPTH) return undefined;
  if (WRAPPERS.has(node.type)) return javascriptText(namedChildren(node)[0], known, depth + 1);
  if (node.type === "string") return unescapeText(node.text.slice(1, -1));
  if (node.type === "template_string") {
    return node.children.some(({ type }) => type === "template_substitution")
      ? undefined
      : unescapeText(node.text.slice(1, -1));
  }
  if (node.type === "identifier") return known.textOf(node.text);
  if (node.type !== "binary_expression" || childOf(node, "operator")?.text !== "+") return undefined;
  const left = javascriptText(childOf(node, "left"), known, depth + 1);
  const right = javascriptText(childOf(node, "right"), known, depth + 1);
  return left === undefined || right === undefined ? undefined : left + right;
}

export function javascriptWords(node: SyntaxNode, known: Bindings): string | readonly Word[] | undefined {
  if (node.type !== "array") return javascriptText(node, known);
  return namedChildren(node).map((child) => javascriptText(child, known));
}
