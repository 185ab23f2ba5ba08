import { nodesOf, parseCode, type SyntaxNode } from "../../../syntax/index.ts";
import { type CodeFile, type CodeLanguage, grammarOfFile } from "../code-file.ts";
import { javascriptReader } from "./javascript.ts";
import { pythonReader } from "./python.ts";
import type { Outline, OutlinedClass, OutlinedFunction, OutlinedTodo, OutlineReader } from "./types.ts";

/** More of a kind in one file are left out; `leftOut` counts them. */
const MAX_UNITS = 5000;
const MAX_TODOS = 500;
const MAX_TODO_TEXT = 200;

const READERS: Readonly<Record<CodeLanguage, OutlineReader>> = {
  python: pythonReader,
  typescript: javascriptReader,
  javascript: javascriptReader,
};

/** The function or class that a node stands in, with what is known about it so far. */
interface Scope {
  readonly name: string;
  readonly qualifiedName: string;
  readonly outer: Scope | undefined;
  /** Of the innermost class around, if nothing but classes lie between. */
  readonly className: string | undefined;
  readonly isFunction: boolean;
  readonly exported: boolean;
  nesting: number;
}

interface Place {
  readonly scope: Scope | undefined;
  readonly depth: number;
}

/** What a file of code declares, as its syntax tree says. Burns CPU: meant for a thread. Code with errors has the outline of what could be read. */
export async function outline(file: CodeFile): Promise<Outline> {
  const { language, grammar } = grammarOfFile(file);
  const { root, errors } = await parseCode(file.text, grammar);
  return { language, parses: errors.length === 0, ...declarationsIn(root, READERS[language]) };
}

function declarationsIn(root: SyntaxNode, reader: OutlineReader): Omit<Outline, "language" | "parses"> {
  const functions: { readonly about: Omit<OutlinedFunction, "nesting">; readonly scope: Scope }[] = [];
  const classes: OutlinedClass[] = [];
  const todo: OutlinedTodo[] = [];
  let leftOut = 0;
  const { imports, exports, exportedNames } = reader.module(root);
  const places = new Map<SyntaxNode, Place>();
  for (const node of nodesOf(root)) {
    const around: Place = (node.parent && places.get(node.parent)) ?? { scope: undefined, depth: 0 };
    if (node.type === "comment") todo.push(...(todo.length < MAX_TODOS ? todosIn(node) : []));
    const declared = node.named ? (reader.functionAt(node) ?? reader.classAt(node)) : undefined;
    if (declared === undefined) {
      const depth = around.depth + (node.named && reader.nests(node) ? 1 : 0);
      if (around.scope !== undefined && depth > around.scope.nesting) around.scope.nesting = depth;
      if (node.children.length > 0) places.set(node, { scope: around.scope, depth });
      continue;
    }
    const isFunction = "params" in declared;
    const scope = scopeOf(declared, around.scope, isFunction, exportedNames);
    places.set(node, { scope, depth: 0 });
    if (functions.length + classes.length >= MAX_UNITS) {
      leftOut += 1;
      continue;
    }
    const { isPublic: _, ...facts } = declared;
    const about = {
      ...facts,
      qualifiedName: scope.qualifiedName,
      line: node.line,
      endLine: node.endLine,
      exported: scope.exported,
    };
    const inClass = around.scope?.className;
    if ("params" in about) functions.push({ about: { ...about, ...(inClass && { class: inClass }) }, scope });
    else classes.push(about);
  }
  const measured = functions.map(({ about, scope }) => ({ ...about, nesting: scope.nesting }));
  return { functions: measured, classes, imports, exports, todo, leftOut };
}

/** Public is what others can reach: exported from the file, or a public member of what is. What functions declare inside is theirs. */
function scopeOf(
  { name, isPublic }: { readonly name: string; readonly isPublic: boolean },
  outer: Scope | undefined,
  isFunction: boolean,
  exportedNames: ReadonlySet<string>,
): Scope {
  const exported = outer === undefined ? exportedNames.has(name) : isPublic && !outer.isFunction && outer.exported;
  const qualifiedName = outer === undefined ? name : `${outer.qualifiedName}.${name}`;
  return { name, qualifiedName, outer, className: isFunction ? undefined : name, isFunction, exported, nesting: 0 };
}

function todosIn(comment: SyntaxNode): OutlinedTodo[] {
  const found: OutlinedTodo[] = [];
  for (const [at, line] of comment.text.split("\n").entries()) {
    const todo = /\b(TODO|FIXME|XXX)\b.{0,200}/.exec(line);
    if (todo !== null && found.length < MAX_TODOS)
      found.push({ line: comment.line + at, text: todo[0].slice(0, MAX_TODO_TEXT).trimEnd() });
  }
  return found;
}
