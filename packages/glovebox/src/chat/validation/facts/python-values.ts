import { childOf, namedChildren, type SyntaxNode } from "../../../syntax/index.ts";
import type { Word } from "./argv.ts";
import { type Bindings, MAX_DEPTH, unescapeText } from "./bindings.ts";

/** What an expression names: `os.system`, `builtins.eval`. Empty when that cannot be told. */
export function pythonNames(node: SyntaxNode | undefined, known: Bindings, depth = 0): readonly string[] {
  if (node === undefined || depth > MAX_DEPTH) return [];
  switch (node.type) {
    case "identifier":
      return namesOfIdentifier(node.text, known);
    case "attribute":
      return members(pythonNames(childOf(node, "object"), known, depth + 1), childOf(node, "attribute")?.text);
    case "subscript":
      return members(
        pythonNames(childOf(node, "value"), known, depth + 1),
        pythonText(childOf(node, "subscript"), known),
      );
    case "call":
      return namesOfCall(node, known, depth);
    case "parenthesized_expression":
    case "await":
      return namedChildren(node).flatMap((child) => pythonNames(child, known, depth + 1));
    case "named_expression":
      return pythonNames(childOf(node, "value"), known, depth + 1);
    case "conditional_expression":
    case "boolean_operator":
      return namedChildren(node).flatMap((child) => pythonNames(child, known, depth + 1));
    default:
      return [];
  }
}

function namesOfIdentifier(name: string, known: Bindings): readonly string[] {
  const bound = known.of(name);
  const opened = [...known.opened].map((module) => `${module}.${name}`);
  if (bound.length > 0) return [...bound, ...opened];
  if (name === "__builtins__") return ["builtins"];
  return known.own.has(name) ? opened : [`builtins.${name}`, ...opened];
}

/** `vars(os)["system"]` and `os.__dict__["system"]` are `os.system`. */
function members(objects: readonly string[], member: string | undefined): readonly string[] {
  if (member === undefined) return [];
  if (member === "__dict__") return objects;
  return objects.map((object) => `${object}.${member}`);
}

/** `getattr(os, "system")`, `__import__("os")`, `importlib.import_module("os")`. */
function namesOfCall(node: SyntaxNode, known: Bindings, depth: number): readonly string[] {
  const called = pythonNames(childOf(node, "function"), known, depth + 1);
  const [first, second] = argumentsOf(node);
  if (called.includes("builtins.getattr"))
    return members(pythonNames(first, known, depth + 1), pythonText(second, known));
  if (called.includes("builtins.vars")) return pythonNames(first, known, depth + 1);
  if (called.includes("builtins.__import__") || called.includes("importlib.import_module")) {
    const module = pythonText(first, known);
    return module === undefined ? [] : [module];
  }
  // An object of a class, so that `asyncio.get_event_loop().run()` or `subprocess.Popen(…)` keep their names.
  return called;
}

/** The arguments that are given by position, without names. */
export function argumentsOf(call: SyntaxNode): readonly SyntaxNode[] {
  const given = childOf(call, "arguments");
  if (given?.type !== "argument_list") return given === undefined ? [] : [given];
  return namedChildren(given).filter(({ type }) => type !== "keyword_argument");
}

/** A text that is written out: a string, several side by side or added, `"%s"` without more, or a variable that holds one. */
export function pythonText(node: SyntaxNode | undefined, known: Bindings, depth = 0): string | undefined {
  if (node === undefined || depth > MAX_DEPTH) return undefined;
  const join = (parts: readonly SyntaxNode[]): string | undefined => {
    const texts = parts.map((part) => pythonText(part, known, depth + 1));
    return texts.includes(undefined) ? undefined : texts.join("");
  };
  switch (node.type) {
    case "string":
      return textOfString(node);
    case "concatenated_string":
    case "parenthesized_expression":
      return join(namedChildren(node));
    case "binary_operator":
      return childOf(node, "operator")?.text === "+"
        ? join(namedChildren(node).filter(({ field }) => field === "left" || field === "right"))
        : undefined;
    case "identifier":
      return known.textOf(node.text);
    default:
      return undefined;
  }
}

function textOfString(node: SyntaxNode): string | undefined {
  if (node.children.some(({ type }) => type === "interpolation")) return undefined;
  const opening = node.children.find(({ type }) => type === "string_start")?.text.toLowerCase() ?? "";
  const text = node.children.find(({ type }) => type === "string_content")?.text ?? "";
  return opening.includes("r") ? text : unescapeText(text);
}

/** A text, or a list of texts: what `subprocess` takes. */
export function pythonWords(node: SyntaxNode | undefined, known: Bindings): string | readonly Word[] | undefined {
  if (node?.type !== "list" && node?.type !== "tuple") return pythonText(node, known);
  return namedChildren(node).map((child) => pythonText(child, known));
}
