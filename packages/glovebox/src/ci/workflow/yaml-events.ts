import { EventType, ParseEvent } from "@actions/workflow-parser/templates/parse-event";
import {
  BooleanToken,
  MappingToken,
  NullToken,
  NumberToken,
  SequenceToken,
  StringToken,
} from "@actions/workflow-parser/templates/tokens/index";
import type { TokenRange } from "@actions/workflow-parser/templates/tokens/token-range";
import { type Document, isAlias, isMap, isScalar, isSeq, type LineCounter, type Node, type Scalar } from "yaml";

/** GitHub's own bound on nesting. */
const MAX_DEPTH = 50;

/** Of values after aliases were followed: a few lines of aliases can stand for millions. */
const MAX_NODES = 20_000;

/** What is wrong with a file, with its place where there is one. */
export class YamlLimitError extends Error {
  readonly range: TokenRange | undefined;

  constructor(message: string, range: TokenRange | undefined) {
    super(message);
    this.range = range;
  }
}

/** Turns a YAML document into the parse events of GitHub's library, within bounds. */
export class YamlEvents {
  readonly events: ParseEvent[] = [new ParseEvent(EventType.DocumentStart)];
  /** Each text as it stands in the file, by the range of its token: the library keeps only what it made of it. */
  readonly texts = new Map<TokenRange, string>();
  readonly #lines: LineCounter;
  readonly #fileId: number;
  /** What each anchor names where the reading has come to. */
  readonly #anchors = new Map<string, Node>();
  #nodes = 0;

  constructor(document: Document, lines: LineCounter, fileId: number) {
    this.#lines = lines;
    this.#fileId = fileId;
    this.#visit(document.contents, [], undefined);
    this.events.push(new ParseEvent(EventType.DocumentEnd));
  }

  #visit(node: Node | null, inside: readonly Node[], parent: TokenRange | undefined): void {
    const range = this.#range(node) ?? parent;
    this.#nodes += 1;
    if (this.#nodes > MAX_NODES) throw new YamlLimitError(`The file has more than ${MAX_NODES} values`, range);
    if (inside.length > MAX_DEPTH) throw new YamlLimitError("Maximum object depth exceeded", range);
    if (node !== null && inside.includes(node)) throw new YamlLimitError("The alias contains itself", range);
    if (isAlias(node)) this.#visit(this.#anchors.get(node.source) ?? null, [...inside, node], range);
    else this.#value(node, inside, range);
  }

  #value(node: Node | null, inside: readonly Node[], range: TokenRange | undefined): void {
    const { anchor } = (node ?? {}) as { anchor?: string };
    if (node !== null && anchor !== undefined) this.#anchors.set(anchor, node);
    if (isSeq(node)) {
      this.#push(EventType.SequenceStart, new SequenceToken(this.#fileId, range, undefined));
      for (const item of node.items) this.#visit(item as Node, [...inside, node], range);
      this.#push(EventType.SequenceEnd);
    } else if (isMap(node)) {
      this.#push(EventType.MappingStart, new MappingToken(this.#fileId, range, undefined));
      for (const pair of node.items) {
        this.#key(pair.key, range);
        this.#visit(pair.value as Node | null, [...inside, node], this.#range(pair.key as Node) ?? range);
      }
      this.#push(EventType.MappingEnd);
    } else this.#push(EventType.Literal, this.#literal(node as Scalar | null, range));
  }

  #key(key: unknown, parent: TokenRange | undefined): void {
    const range = this.#range(key as Node | null) ?? parent;
    const value = isScalar(key) ? key.value : undefined;
    if (value === undefined || typeof value === "object")
      throw new YamlLimitError("The key of a mapping must be a text", range);
    // The library looks keys up in plain objects, and would find what every object has.
    if (String(value) in Object.prototype)
      throw new YamlLimitError(`The name '${value}' is not supported as a key`, range);
    this.#push(EventType.Literal, new StringToken(this.#fileId, range, String(value), undefined, undefined));
  }

  #literal(node: Scalar | null, range: TokenRange | undefined): NullToken | NumberToken | BooleanToken | StringToken {
    const value = node?.value;
    if (value === null || value === undefined) return new NullToken(this.#fileId, range, undefined);
    if (typeof value === "number") return new NumberToken(this.#fileId, range, value, undefined);
    if (typeof value === "boolean") return new BooleanToken(this.#fileId, range, value, undefined);
    if (typeof value !== "string") throw new YamlLimitError(`Unexpected tag '${node?.tag ?? typeof value}'`, range);
    if (range !== undefined) this.texts.set(range, value);
    const source = node?.srcToken !== undefined && "source" in node.srcToken ? node.srcToken.source : undefined;
    return new StringToken(this.#fileId, range, value, undefined, source);
  }

  #push(type: EventType, token?: ParseEvent["token"]): void {
    this.events.push(new ParseEvent(type, token));
  }

  #range(node: Node | null): TokenRange | undefined {
    const range = node?.range;
    return range === null || range === undefined ? undefined : rangeOf(this.#lines, range[0], range[1]);
  }
}

/** The lines and columns, from 1, of two offsets of the text. */
export function rangeOf(lines: LineCounter, from: number, to: number): TokenRange {
  const [start, end] = [lines.linePos(from), lines.linePos(to)];
  return { start: { line: start.line, column: start.col }, end: { line: end.line, column: end.col } };
}
