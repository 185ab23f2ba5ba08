import { namedChildren, nodesOf, type SyntaxNode } from "../../../syntax/index.ts";
import type { Word } from "./argv.ts";

/** Stands for `$IFS`, by which words are split after all. */
const SPLIT = "\u0001";
const MAX_DEPTH = 20;
const MAX_WORDS = 2000;

/** Texts of variables that a script sets to something that is written out. */
export type Variables = ReadonlyMap<string, string>;

/** Each variable's last text. Scopes and order are left aside: it is enough for `X=/; rm -rf $X`. */
export function readVariables(root: SyntaxNode): Variables {
  const found = new Map<string, string>();
  for (const node of nodesOf(root)) {
    if (node.type !== "variable_assignment") continue;
    const [name, value] = namedChildren(node);
    const text = value === undefined ? undefined : textOf(value, found, 0);
    if (name !== undefined && text !== undefined) found.set(name.text, text);
  }
  return found;
}

/** The words of a command: one for each node, but several after `$IFS` or `{a,b}`, and one for nodes with nothing between them. */
export function wordsOf(nodes: readonly SyntaxNode[], variables: Variables): Word[] {
  const texts: Word[] = [];
  let end = -1;
  for (const node of nodes) {
    const text = textOf(node, variables);
    const before = node.start === end ? texts.pop() : "";
    texts.push(text === undefined || before === undefined ? undefined : before + text);
    end = node.end;
  }
  return texts.flatMap((text) => (text === undefined ? [undefined] : splitAtIfs(text).flatMap(expandBraces)));
}

/** The grammar takes some expansions for plain words: `rm$IFS-rf$IFS/`. */
function splitAtIfs(text: string): string[] {
  return text.replace(/\$(IFS\b|\{IFS\})/g, SPLIT).split(SPLIT);
}

/** The text of a word, with quotes and escapes undone. `undefined` when a part comes from elsewhere. */
export function textOf(node: SyntaxNode, variables: Variables, depth = 0): string | undefined {
  if (depth > MAX_DEPTH) return undefined;
  const { type, text } = node;
  if (type === "raw_string") return text.slice(1, -1);
  if (type === "ansi_c_string") return unescapeC(text.slice(2, -1));
  if (type === "word" || type === "number") return unescapeWord(text);
  if (type === "simple_expansion" || type === "expansion") return variableText(node, variables);
  if (type === "string" || type === "translated_string") return quoted(node, variables, depth);
  if (type === "concatenation" || type === "command_name") return together(node, variables, depth);
  if (type === "variable_name" || type === "special_variable_name" || type === "test_operator") return text;
  return node.named ? undefined : text;
}

function variableText(node: SyntaxNode, variables: Variables): string | undefined {
  const name = node.children.find(({ type }) => type === "variable_name" || type === "special_variable_name")?.text;
  if (name === undefined) return undefined;
  if (name === "IFS") return SPLIT;
  const value = variables.get(name);
  if (value !== undefined) return value;
  // Who is at home is not known, but that it is a home is.
  return name === "HOME" ? "$HOME" : undefined;
}

/** Text between quotes has no node of its own where only blanks stand: it is what lies between the others. */
function quoted(node: SyntaxNode, variables: Variables, depth: number): string | undefined {
  let text = "";
  const source = node.text;
  let at = node.start + (source.startsWith("$") ? 2 : 1);
  for (const child of node.children) {
    if (!child.named) continue;
    text += unescapeQuoted(source.slice(at - node.start, Math.max(at, child.start) - node.start));
    const part = child.type === "string_content" ? unescapeQuoted(child.text) : textOf(child, variables, depth + 1);
    if (part === undefined) return undefined;
    text += part;
    at = child.end;
  }
  return text + unescapeQuoted(source.slice(at - node.start, -1));
}

function together(node: SyntaxNode, variables: Variables, depth: number): string | undefined {
  let all = "";
  for (const child of node.children) {
    const part = textOf(child, variables, depth + 1);
    if (part === undefined) return undefined;
    all += part;
  }
  return all;
}

function unescapeWord(text: string): string {
  return text.replace(/\\\n/g, "").replace(/\\(.)/gs, "$1");
}

function unescapeQuoted(text: string): string {
  return text.replace(/\\\n/g, "").replace(/\\([$`"\\])/g, "$1");
}

function unescapeC(text: string): string {
  const plain: Readonly<Record<string, string>> = {
    n: "\n",
    t: "\t",
    r: "\r",
    "\\": "\\",
    "'": "'",
    '"': '"',
    e: "\u001b",
    a: "\u0007",
  };
  return text.replace(/\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)/gs, (_all, code: string) => {
    if (/^x./.test(code)) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    if (/^[0-7]/.test(code)) return String.fromCharCode(Number.parseInt(code, 8));
    return plain[code] ?? code;
  });
}

/** One `{a,b}`; more in one word are rare. */
function expandBraces(word: string): string[] {
  const braces = /^([^{}]*)\{([^{}]*,[^{}]*)\}([^{}]*)$/s.exec(word);
  if (braces === null) return [word];
  const [, before = "", middle = "", after = ""] = braces;
  return middle.split(",", MAX_WORDS).map((one) => before + one + after);
}
