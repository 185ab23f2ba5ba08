import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import type { Language } from "../../core/index.ts";
import type { CodeBlock, Extraction, ExtractOptions, TextSource } from "./types.ts";

/** What a person says of a block. */
export interface Label {
  readonly language: Language | null;
  readonly shouldRun: boolean;
}

/** A text of `testdata/`, with its labels: of blocks, and of inline code. */
export interface LabelledText {
  readonly id: string;
  readonly half: Half;
  readonly from: TextSource;
  readonly request: string | undefined;
  readonly text: string;
  readonly blocks: readonly Label[];
  readonly inline: readonly Label[];
}

export type Half = "tune" | "held-out";

/** How well blocks that should run are told from others. Shares are 0 to 1. */
export interface Score {
  readonly precision: number;
  readonly recall: number;
  /** Of the blocks that should run, how many have the right language. */
  readonly language: number;
  readonly shouldRun: number;
  readonly blocks: number;
  readonly wrong: readonly string[];
  readonly missed: readonly string[];
}

const FOLDER = new URL("../testdata/", import.meta.url);

/** The whole set, in the order of its files. */
export function loadLabelledSet(): LabelledText[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".md") && name !== "README.md");
  return files.sort().flatMap((name) => {
    const text = readFileSync(new URL(name, FOLDER), "utf8");
    return text.split(/^=== /m).slice(1).map(readOne);
  });
}

function readOne(entry: string): LabelledText {
  const [head = "", ...lines] = entry.split("\n");
  const matched = /^([\w-]+)( \(user\))?: (.+)$/.exec(head);
  if (matched === null) throw new Error(`cannot read the label ${JSON.stringify(head)}`);
  const [, id = "", user, words = ""] = matched;
  const request = lines[0]?.startsWith("? ") === true ? lines.shift()?.slice(2) : undefined;
  const labels = words === "none" ? [] : words.split(" ");
  return {
    id,
    half: (createHash("sha256").update(id).digest()[0] ?? 0) % 2 === 0 ? "tune" : "held-out",
    from: user === undefined ? "answer" : "user",
    request,
    text: lines.join("\n").trimEnd(),
    blocks: labels.filter((word) => !word.startsWith("~")).map(labelOf),
    inline: labels.filter((word) => word.startsWith("~")).map((word) => labelOf(word.slice(1))),
  };
}

function labelOf(word: string): Label {
  const matched = /^(python|javascript|typescript|bash|rust|none)([+-])$/.exec(word);
  if (matched === null) throw new Error(`cannot read the label ${word}`);
  return { language: matched[1] === "none" ? null : (matched[1] as Language), shouldRun: matched[2] === "+" };
}

export type Reader = (text: string, options: ExtractOptions) => Promise<Extraction>;

/** Reads every text and counts: a block counts as taken for one to run from `threshold` on. */
export async function scoreSet(texts: readonly LabelledText[], read: Reader, threshold = 0.8): Promise<Score> {
  const wrong: string[] = [];
  const missed: string[] = [];
  const count = { blocks: 0, shouldRun: 0, taken: 0, right: 0, language: 0 };
  for (const one of texts) {
    const { blocks } = await read(one.text, { from: one.from, request: one.request });
    for (const [label, block, at] of pairsOf(one, blocks)) {
      const taken = block !== undefined && block.confidence >= threshold;
      count.blocks += 1;
      if (label?.shouldRun === true) count.shouldRun += 1;
      if (taken) count.taken += 1;
      if (label?.shouldRun === true && block?.language === label.language) count.language += 1;
      if (taken && label?.shouldRun === true) count.right += 1;
      else if (taken) wrong.push(`${one.id}#${at}`);
      else if (label?.shouldRun === true) missed.push(`${one.id}#${at}`);
    }
  }
  return {
    precision: count.right / Math.max(1, count.taken),
    recall: count.right / count.shouldRun,
    language: count.language / count.shouldRun,
    shouldRun: count.shouldRun,
    blocks: count.blocks,
    wrong,
    missed,
  };
}

function* pairsOf(
  one: LabelledText,
  blocks: readonly CodeBlock[],
): Generator<[Label | undefined, CodeBlock | undefined, string]> {
  const inline = blocks.filter(({ form }) => form === "inline");
  const set = blocks.filter(({ form }) => form !== "inline");
  for (let at = 0; at < Math.max(set.length, one.blocks.length); at += 1) yield [one.blocks[at], set[at], String(at)];
  for (let at = 0; at < Math.max(inline.length, one.inline.length); at += 1)
    yield [one.inline[at], inline[at], `inline${at}`];
}
