import { childOf, nodesOf, type SyntaxNode, type SyntaxTree } from "../../syntax/index.ts";

/** Names that code uses, and names that it makes. */
export interface Names {
  readonly made: ReadonlySet<string>;
  readonly used: ReadonlySet<string>;
}

const PYTHON_BUILTINS = new Set(
  "ArithmeticError AssertionError AttributeError BaseException BlockingIOError BrokenPipeError Ellipsis EOFError Exception False FileExistsError FileNotFoundError FloatingPointError GeneratorExit ImportError IndentationError IndexError InterruptedError IsADirectoryError KeyError KeyboardInterrupt LookupError MemoryError ModuleNotFoundError NameError None NotADirectoryError NotImplemented NotImplementedError OSError OverflowError PermissionError RecursionError RuntimeError StopIteration StopAsyncIteration SyntaxError SystemExit TimeoutError True TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError ValueError Warning ZeroDivisionError __file__ __name__ __builtins__ __doc__ __import__ abs aiter all anext any ascii bin bool breakpoint bytearray bytes callable chr classmethod compile complex delattr dict dir display divmod enumerate eval exec exit filter float format frozenset getattr globals hasattr hash help hex id input int isinstance issubclass iter len list locals map max memoryview min next object oct open ord pow print property quit range repr reversed round set setattr slice sorted staticmethod str sum super tuple type vars zip _ self cls".split(
    " ",
  ),
);
const JAVASCRIPT_GLOBALS = new Set(
  "undefined NaN Infinity globalThis window document console process require module exports __dirname __filename Buffer setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate queueMicrotask structuredClone fetch Request Response Headers URL URLSearchParams AbortController AbortSignal TextEncoder TextDecoder Blob File FormData EventTarget Event performance crypto navigator Object Array String Number Boolean Symbol BigInt Math JSON Date RegExp Map Set WeakMap WeakSet WeakRef Promise Proxy Reflect Intl Error TypeError RangeError SyntaxError ReferenceError EvalError URIError AggregateError ArrayBuffer SharedArrayBuffer DataView Atomics Iterator Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array Float32Array Float64Array BigInt64Array BigUint64Array Function Generator parseInt parseFloat isNaN isFinite encodeURIComponent decodeURIComponent encodeURI decodeURI eval arguments atob btoa alert WebAssembly FinalizationRegistry".split(
    " ",
  ),
);

/**
 * The names of a Python program, without scopes: whatever is assigned, imported, defined or a parameter anywhere is made. A name that is
 * used and made nowhere says that this is a part of something else.
 */
function pythonNames(root: SyntaxNode): Names {
  const made = new Set<string>();
  const used = new Set<string>();
  for (const node of nodesOf(root)) {
    if (node.type !== "identifier") continue;
    const { parent } = node;
    if (parent === undefined || isPythonLabel(node, parent)) continue;
    if (makesPython(node)) made.add(node.text);
    else used.add(node.text);
  }
  for (const name of PYTHON_BUILTINS) used.delete(name);
  return { made, used };
}

/** The name of an attribute or of a keyword argument. */
function isPythonLabel(node: SyntaxNode, parent: SyntaxNode): boolean {
  return (
    (parent.type === "attribute" && node.field === "attribute") ||
    (parent.type === "keyword_argument" && node.field === "name")
  );
}

const PYTHON_PATTERNS = new Set([
  "pattern_list",
  "tuple_pattern",
  "list_pattern",
  "list_splat_pattern",
  "dictionary_splat_pattern",
  "as_pattern_target",
  "case_pattern",
  "dotted_name",
  "splat_pattern",
  "union_pattern",
  "class_pattern",
  "keyword_pattern",
]);

function makesPython(node: SyntaxNode): boolean {
  let child = node;
  for (let parent = node.parent; parent !== undefined; parent = parent.parent) {
    const { type } = parent;
    if (type === "import_statement" || type === "import_from_statement" || type === "aliased_import") return true;
    if (
      type === "parameters" ||
      type === "lambda_parameters" ||
      type === "global_statement" ||
      type === "nonlocal_statement"
    )
      return true;
    if (type === "typed_parameter" || type === "default_parameter" || type === "typed_default_parameter") {
      return child.field === "name" || (type === "typed_parameter" && child.field === undefined);
    }
    if ((type === "function_definition" || type === "class_definition") && child.field === "name") return true;
    if (
      type === "assignment" ||
      type === "for_statement" ||
      type === "for_in_clause" ||
      type === "augmented_assignment"
    )
      return child.field === "left";
    if (type === "named_expression") return child.field === "name";
    if (type === "case_clause") return true;
    if (!PYTHON_PATTERNS.has(type)) return false;
    child = parent;
  }
  return false;
}

/** The same for JavaScript and TypeScript, whose grammar tells names that are made by their places. */
function javascriptNames(root: SyntaxNode): Names {
  const made = new Set<string>();
  const used = new Set<string>();
  for (const node of nodesOf(root)) {
    if (node.type === "shorthand_property_identifier_pattern") made.add(node.text);
    else if (node.type === "type_identifier" && node.field === "name") made.add(node.text);
    else if (node.type === "shorthand_property_identifier") used.add(node.text);
    else if (node.type === "identifier") (makesJavascript(node) ? made : used).add(node.text);
  }
  for (const name of JAVASCRIPT_GLOBALS) used.delete(name);
  return { made, used };
}

const JAVASCRIPT_MAKERS = new Set([
  "import_specifier",
  "import_clause",
  "namespace_import",
  "formal_parameters",
  "required_parameter",
  "optional_parameter",
  "catch_clause",
  "labeled_statement",
  "statement_identifier",
  "import_alias",
]);
const JAVASCRIPT_PATTERNS = new Set([
  "object_pattern",
  "array_pattern",
  "pair_pattern",
  "rest_pattern",
  "assignment_pattern",
  "object_assignment_pattern",
]);

function makesJavascript(node: SyntaxNode): boolean {
  let child = node;
  for (let parent = node.parent; parent !== undefined; parent = parent.parent) {
    const { type } = parent;
    if (JAVASCRIPT_MAKERS.has(type)) return child.field !== "value";
    if (/^(generator_)?function|class|enum_declaration|internal_module/.test(type)) return child.field === "name";
    if (type === "variable_declarator") return child.field === "name";
    if (type === "for_in_statement") return child.field === "left";
    if (type === "arrow_function") return child.field === "parameter";
    if ((type === "assignment_pattern" || type === "object_assignment_pattern") && child.field === "right")
      return false;
    if (!JAVASCRIPT_PATTERNS.has(type)) return false;
    child = parent;
  }
  return false;
}

const NOTHING: Names = { made: new Set(), used: new Set() };

/** The names of code, where a language's scopes are simple enough to say. */
export function namesOf({ root }: SyntaxTree, language: string): Names {
  if (language === "python") return pythonNames(root);
  if (language === "javascript" || language === "typescript") return javascriptNames(root);
  return NOTHING;
}

const DEFINITIONS = new Set([
  "function_definition",
  "class_definition",
  "decorated_definition",
  "function_declaration",
  "generator_function_declaration",
  "class_declaration",
  "interface_declaration",
  "type_alias_declaration",
  "enum_declaration",
  "export_statement",
  "import_statement",
  "import_from_statement",
  "function_item",
  "struct_item",
  "enum_item",
  "impl_item",
  "trait_item",
  "use_declaration",
  "attribute_item",
  "mod_item",
  "const_item",
  "static_item",
  "future_import_statement",
]);

/** What a program does at its top: nothing (comments alone), definitions alone, or something. */
export function effectOf({ root }: SyntaxTree): "nothing" | "defines" | "acts" {
  const statements = root.children.filter(
    ({ named, type }) => named && !type.endsWith("comment") && type !== "hash_bang_line",
  );
  if (statements.length === 0) return "nothing";
  return statements.every((node) => DEFINITIONS.has(node.type) || isFunctionValue(node)) ? "defines" : "acts";
}

/** `const f = (x) => …` */
function isFunctionValue(node: SyntaxNode): boolean {
  if (node.type !== "lexical_declaration") return false;
  const declared = node.children.filter(({ type }) => type === "variable_declarator");
  return declared.every((one) => /function|arrow/.test(childOf(one, "value")?.type ?? ""));
}
