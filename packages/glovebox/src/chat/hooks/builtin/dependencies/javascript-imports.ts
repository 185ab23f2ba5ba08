import { childOf, namedChildren, nodesOf, type SyntaxNode } from "../../../../syntax/index.ts";
import type { Import } from "./imports.ts";

/** `import`, `export … from`, `require("a")`, `import("a")` and `import a = require("a")`. Types that are imported are erased, and none. */
export function* javascriptImports(root: SyntaxNode): Generator<Import> {
  for (const node of nodesOf(root)) {
    const source = sourceOf(node);
    const name = source === undefined ? undefined : packageOf(source);
    if (name !== undefined) yield { name, line: node.line };
  }
}

function sourceOf(node: SyntaxNode): string | undefined {
  switch (node.type) {
    case "import_statement":
    case "export_statement":
      if (node.children.some(({ type, named }) => !named && type === "type")) return undefined;
      return literal(childOf(node, "source"));
    case "import_require_clause":
      return literal(childOf(node, "source"));
    case "call_expression": {
      const called = childOf(node, "function");
      if (called?.type !== "import" && called?.text !== "require" && called?.text !== "require.resolve")
        return undefined;
      return literal(namedChildren(childOf(node, "arguments"))[0]);
    }
    default:
      return undefined;
  }
}

/** A text without anything that would have to be worked out. */
function literal(node: SyntaxNode | undefined): string | undefined {
  if (node?.type !== "string" && node?.type !== "template_string") return undefined;
  const pieces = namedChildren(node);
  if (pieces.some(({ type }) => type !== "string_fragment")) return undefined;
  return node.text.slice(1, -1);
}

/** `@scope/name/file` is of `@scope/name`. `undefined` for a file, a URL, or an alias of the package's own. */
function packageOf(source: string): string | undefined {
  const path = source.startsWith("npm:") ? source.slice("npm:".length).replace(/(?<=.)@[^/]*/, "") : source;
  if (/^(?:[./#]|[a-z]+:|[A-Za-z]:\\)/.test(path)) return undefined;
  const parts = path.split("/", 2);
  if (!path.startsWith("@")) return parts[0];
  return parts.length === 2 ? parts.join("/") : undefined;
}
