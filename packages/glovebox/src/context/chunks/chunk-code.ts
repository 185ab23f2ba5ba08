import type { Language } from "../../core/index.ts";
import { parseCode, type SyntaxNode } from "../../syntax/index.ts";
import { type Chunk, cutLines, MAX_CHUNK_LINES } from "./chunk.ts";

/** What is a piece of its own, by its name in the grammars of the five languages. Wrappers (`export`, decorators) go with what they wrap. */
const UNIT =
  /^(function|generator_function|class|method|interface|enum|type_alias|impl|trait|struct|mod|abstract_class|decorated|export|function_signature)(_declaration|_definition|_item|_statement|_signature)?$/;
/** What may be cut further when it is too long, by its parts. */
const CONTAINER =
  /^(class|impl|trait|mod|interface|abstract_class|decorated|export|program|module|source_file|class_body|declaration_list|block|statement_block|interface_body|object_type)/;

/** Cuts code along its syntax: functions and classes are pieces of their own, long classes are cut by their methods, and what lies between them is kept together. Code that cannot be read at all is cut by lines. */
export async function chunkCode(text: string, language: Language): Promise<Chunk[]> {
  const lines = text.split("\n");
  const root = await parseCode(text, language).then(
    (tree) => tree.root,
    () => undefined,
  );
  return root === undefined ? cutLines(lines, 1, lines.length) : cut(lines, root, 1, lines.length);
}

function cut(lines: readonly string[], node: SyntaxNode, from: number, to: number): Chunk[] {
  const chunks: Chunk[] = [];
  let next = from;
  for (const unit of unitsIn(node)) {
    const start = Math.max(unit.line, next);
    const end = Math.min(unit.endLine, to);
    if (end < start) continue;
    const begin = withComments(lines, start, next);
    if (begin > next) chunks.push(...cutLines(lines, next, begin - 1));
    const isLong = end - begin + 1 > MAX_CHUNK_LINES;
    chunks.push(...(isLong && CONTAINER.test(unit.type) ? cut(lines, unit, begin, end) : cutLines(lines, begin, end)));
    next = end + 1;
  }
  if (next <= to) chunks.push(...cutLines(lines, next, to));
  return chunks;
}

/** The outermost units below a node. */
function unitsIn(node: SyntaxNode): SyntaxNode[] {
  return node.children.flatMap((child) => {
    if (UNIT.test(child.type) && child.named) return [child];
    return CONTAINER.test(child.type) ? unitsIn(child) : [];
  });
}

const COMMENT = /^\s*(\/\/|\/?\*|#|"""|@)/;

/** Where a unit begins with the comments right above it. */
function withComments(lines: readonly string[], line: number, notBefore: number): number {
  let begin = line;
  while (begin > notBefore && COMMENT.test(lines[begin - 2] ?? "")) begin -= 1;
  return begin;
}
