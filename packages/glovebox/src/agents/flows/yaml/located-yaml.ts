import { isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, type Node, parseDocument } from "yaml";

/** Of a flow's text. */
const MAX_CHARS = 262_144;
const MAX_DEPTH = 30;
/** Words, signs and breaks that the library tells apart; the 500 steps that a flow may have take some 60 of them each where they say a lot, and a text over many lines is one. Reading more takes too long. */
const MAX_LEXEMES = 40_000;

const OWN_MARKS: ReadonlySet<string> = new Set(["\u0002", "\u0018", "\u001f"]);

/** What is wrong with a flow, and where. */
export interface FlowProblem {
  readonly message: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** The value that it is about: `steps.2.input`. */
  readonly path: string;
}

export type Path = readonly (string | number)[];

/** YAML as JSON values, with the place of each. */
export interface LocatedYaml {
  readonly value: unknown;
  /** A problem at the value of that path; at its key, where `key` names one of its fields; `offset` characters further on the same line. */
  problem(message: string, path: Path, where?: { readonly key?: string; readonly offset?: number }): FlowProblem;
}

class Refusal extends Error {
  readonly node: Node | null;
  constructor(message: string, node: Node | null) {
    super(message);
    this.node = node;
  }
}

/** Reads one document. Anchors, aliases and tags are refused: nothing in a flow stands for more than is written. Never throws for what stands in the text. */
export function readYaml(text: string): { readonly yaml?: LocatedYaml; readonly problems: readonly FlowProblem[] } {
  const lines = new LineCounter();
  const at = (offset: number, message: string, path: string): FlowProblem => {
    const { line, col } = lines.linePos(offset);
    return { message, line: Math.max(1, line), column: Math.max(1, col), path };
  };
  if (text.length > MAX_CHARS) {
    return { problems: [{ message: `a flow has at most ${MAX_CHARS} characters`, line: 1, column: 1, path: "" }] };
  }
  const tooMany = offsetBeyond(text, MAX_LEXEMES);
  if (tooMany !== undefined) {
    return { problems: [placeIn(text, tooMany, `a flow has at most ${MAX_LEXEMES} words and signs`)] };
  }
  try {
    const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, merge: false, version: "1.2" });
    const found = [...document.errors, ...document.warnings].slice(0, 20);
    if (found.length > 0) {
      return { problems: found.map(({ pos, message }) => at(pos[0], firstLine(message), "")) };
    }
    const root = document.contents as Node | null;
    const value = toJson(root, 0);
    const problem: LocatedYaml["problem"] = (message, path, { key, offset = 0 } = {}) => {
      const node = key === undefined ? nodeAt(root, path) : (keyAt(root, path, key) ?? nodeAt(root, path));
      const named = key === undefined ? path : [...path, key];
      return at(startOf(node) + offset, message, named.join("."));
    };
    return { yaml: { value, problem }, problems: [] };
  } catch (error) {
    if (error instanceof Refusal) return { problems: [at(startOf(error.node), error.message, "")] };
    // The library reads nested values by recursion.
    if (error instanceof RangeError) return { problems: [at(0, "values are nested too deep", "")] };
    throw error;
  }
}

/** The library says where as well, and shows the line. */
function firstLine(message: string): string {
  return (message.split("\n", 1)[0] ?? "").replace(/ at line \d+, column \d+:$/, "");
}

/** Where the first lexeme after so many is; `undefined` when there are no more. */
function offsetBeyond(text: string, lexemes: number): number | undefined {
  let [count, offset] = [0, 0];
  for (const lexeme of new Lexer().lex(text)) {
    count += 1;
    if (count > lexemes) return offset;
    // Control characters of the library's own, which stand in no text.
    if (!OWN_MARKS.has(lexeme)) offset += lexeme.length;
  }
  return undefined;
}

function placeIn(text: string, offset: number, message: string): FlowProblem {
  const before = text.slice(0, offset);
  return { message, line: before.split("\n").length, column: offset - before.lastIndexOf("\n"), path: "" };
}

function toJson(node: Node | null, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new Refusal(`values are nested more than ${MAX_DEPTH} deep`, node);
  if (node === null) return null;
  if (isAlias(node)) throw new Refusal("aliases (*name) are not taken", node);
  if ("anchor" in node && node.anchor !== undefined) throw new Refusal("anchors (&name) are not taken", node);
  if (isScalar(node)) {
    const { value } = node;
    if (typeof value === "number" && !Number.isFinite(value)) throw new Refusal("a number must be finite", node);
    if (typeof value === "bigint") throw new Refusal("the number is too large", node);
    return value ?? null;
  }
  if (isSeq(node)) return node.items.map((item) => toJson(item as Node | null, depth + 1));
  if (!isMap(node)) throw new Refusal("this is neither a value, a list nor a mapping", node);
  return Object.fromEntries(
    node.items.map((pair) => {
      const key = pair.key as Node | null;
      if (!isScalar(key) || typeof key.value !== "string") throw new Refusal("a key must be a text", key);
      if (key.value === "__proto__") throw new Refusal("no key is called __proto__", key);
      return [key.value, toJson(pair.value as Node | null, depth + 1)];
    }),
  );
}

/** The innermost node on the way that there is. */
function nodeAt(root: Node | null, path: Path): Node | null {
  let node = root;
  for (const part of path) {
    const next = childOf(node, part);
    if (next === undefined || next === null) return node;
    node = next;
  }
  return node;
}

function childOf(node: Node | null, part: string | number): Node | null | undefined {
  if (isSeq(node)) return node.items[Number(part)] as Node | undefined;
  if (!isMap(node)) return undefined;
  const pair = node.items.find(({ key }) => isScalar(key) && key.value === part);
  return pair?.value as Node | null | undefined;
}

function keyAt(root: Node | null, path: Path, key: string): Node | undefined {
  const node = nodeAt(root, path);
  if (!isMap(node)) return undefined;
  const pair = node.items.find((one) => isScalar(one.key) && one.key.value === key);
  return pair?.key as Node | undefined;
}

function startOf(node: Node | null): number {
  return node?.range?.[0] ?? 0;
}
