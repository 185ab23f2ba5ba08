import { childOf, namedChildren, nodesOf, type SyntaxNode } from "../../../../syntax/index.ts";
import type { Import } from "./imports.ts";

/** What begins a path that leads into no other crate, or into one that every program has. */
const OWN = new Set("crate self super Self std core alloc proc_macro test".split(" "));
const PRIMITIVES = new Set(
  "bool char str u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64 array slice fn tuple unit never".split(
    " ",
  ),
);
const ITEMS = new Set(
  "mod_item struct_item enum_item union_item trait_item function_item type_item const_item static_item macro_definition".split(
    " ",
  ),
);
const PATHS = new Set(["scoped_identifier", "scoped_type_identifier"]);
/** Paths nest to the left; deeper ones are no code that anybody wrote. */
const MAX_DEPTH = 200;

/** `use a::b`, `extern crate a`, and paths that begin with a name that the code neither makes nor brings in: `rand::random()`. */
export function* rustImports(root: SyntaxNode): Generator<Import> {
  const known = new Set([...OWN, ...PRIMITIVES]);
  for (const node of nodesOf(root)) if (ITEMS.has(node.type)) known.add(childOf(node, "name")?.text ?? "");
  const used: Import[] = [];
  for (const node of nodesOf(root)) {
    if (node.type === "use_declaration") {
      const tree = childOf(node, "argument");
      for (const name of rootsOf(tree)) used.push({ name, line: node.line });
    } else if (node.type === "extern_crate_declaration") {
      used.push({ name: childOf(node, "name")?.text ?? "", line: node.line });
    }
  }
  for (const one of used) if (!known.has(one.name)) yield one;
  // What `use` brings in begins paths as well, but is of a crate that is told already.
  for (const node of nodesOf(root)) {
    if (node.type === "use_declaration" || node.type === "extern_crate_declaration") addNamesOf(node, known);
  }
  for (const node of nodesOf(root)) {
    if (!PATHS.has(node.type) || isInUse(node)) continue;
    const name = firstOf(node)?.text ?? "";
    // Types begin with a capital letter, and are never crates.
    if (/^[a-z_]/.test(name) && !known.has(name)) yield { name, line: node.line };
  }
}

/** The first names of a tree of `use`: one, or those of each branch of `{…}`. */
function* rootsOf(tree: SyntaxNode | undefined, depth = 0): Generator<string> {
  if (tree === undefined || depth > MAX_DEPTH) return;
  switch (tree.type) {
    case "use_list":
      for (const child of namedChildren(tree)) yield* rootsOf(child, depth + 1);
      return;
    case "use_as_clause":
    case "scoped_use_list":
      if (childOf(tree, "path") === undefined) yield* rootsOf(childOf(tree, "list"), depth + 1);
      else yield* rootsOf(childOf(tree, "path"), depth + 1);
      return;
    case "use_wildcard":
      yield* rootsOf(namedChildren(tree)[0], depth + 1);
      return;
    default:
      yield firstOf(tree)?.text ?? "";
  }
}

function firstOf(path: SyntaxNode): SyntaxNode | undefined {
  let at: SyntaxNode | undefined = path;
  for (let depth = 0; at !== undefined && depth < MAX_DEPTH; depth += 1) {
    if (!PATHS.has(at.type)) return at.type === "identifier" ? at : undefined;
    // `::a` has a name and no path.
    at = childOf(at, "path") ?? childOf(at, "name");
  }
  return undefined;
}

function addNamesOf(use: SyntaxNode, known: Set<string>): void {
  for (const node of nodesOf(use)) if (node.type === "identifier") known.add(node.text);
}

function isInUse(node: SyntaxNode): boolean {
  let at = node.parent;
  for (let up = 0; at !== undefined && up < MAX_DEPTH; up += 1, at = at.parent)
    if (at.type === "use_declaration") return true;
  return false;
}
