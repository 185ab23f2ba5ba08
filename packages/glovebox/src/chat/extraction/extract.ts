import type { Language } from "../../core/index.ts";
import { parseCode, type SyntaxTree } from "../../syntax/index.ts";
import { claimOf } from "./claim.ts";
import { codeSigns } from "./code-signs.ts";
import { effectOf, namesOf } from "./free-names.ts";
import { inlineCandidates } from "./inline.ts";
import { type CodeSection, readSections, type Section } from "./markdown.ts";
import { intentOf, scoreOf } from "./score.ts";
import { saysOfAll, surroundingsOf } from "./surroundings.ts";
import type { CodeBlock, Extraction, ExtractOptions, MessageIntent, SuggestedAction } from "./types.ts";
import type { Sign } from "./weights.ts";
import { wordsOf } from "./words.ts";

/** Blocks that are told; more come from nobody who means them. */
const MAX_BLOCKS = 500;
/** Code that is parsed, in UTF-16 units: of one block, and of a text together. */
const MAX_PARSED = 50_000;
const MAX_PARSED_TOGETHER = 300_000;
const MAX_KEYWORDS = 20;

/** What has been seen of a text so far. */
interface Reading {
  readonly sections: readonly Section[];
  readonly common: readonly Sign[];
  readonly keywords: Set<string>;
  /** Names that blocks of a language made, for the blocks that follow. */
  readonly made: Map<Language, Set<string>>;
  parsed: number;
}

/** Finds the code in a text and says how sure it is that each piece is meant to run. Burns CPU: meant for a thread of its own. */
export async function extract(text: string, options: ExtractOptions): Promise<Extraction> {
  const sections = readSections(text);
  const reading = begin(sections, options);
  const reasoning = reasoningOf(sections);
  const found = sections.entries().filter((entry): entry is [number, CodeSection] => entry[1].kind === "code");
  const blocks: CodeBlock[] = [];
  let leftOut = 0;
  for (const [index, section] of found) {
    if (section.code.trim() === "") continue;
    if (blocks.length >= MAX_BLOCKS) leftOut += 1;
    else blocks.push(await blockOf(section, index, reading, reasoning.has(index)));
  }
  for (const { span, language, index } of inlineCandidates(sections, options.request)) {
    if (blocks.length >= MAX_BLOCKS) leftOut += 1;
    else blocks.push(await inlineBlock(span, language, index, reading));
  }
  blocks.sort((a, b) => a.start - b.start);
  return { blocks, intent: messageIntent(blocks, reading.keywords, options), leftOut };
}

function begin(sections: readonly Section[], { from, request }: ExtractOptions): Reading {
  const common: Sign[] = [];
  const keywords = new Set<string>();
  const say = (sign: Sign, words: readonly string[]) => {
    if (words.length === 0) return;
    common.push(sign);
    for (const word of words) keywords.add(word);
  };
  if (from === "user") common.push("userText");
  const asked = (request ?? "").slice(0, 4000);
  say("request.run", wordsOf("request", asked));
  say("request.notRun", wordsOf("notRun", asked));
  say("request.explain", wordsOf("question", asked));
  say("message.notRun", saysOfAll(sections));
  return { sections, common, keywords, made: new Map(), parsed: 0 };
}

async function blockOf(
  section: CodeSection,
  index: number,
  reading: Reading,
  inReasoning: boolean,
): Promise<CodeBlock> {
  const claim = claimOf(section);
  const seen = new Set<Sign>([...reading.common, ...claim.signs]);
  if (section.form === "indented") seen.add("indented");
  if (!section.closed) seen.add("unclosed");
  if (section.inQuote) seen.add("inQuote");
  if (inReasoning) seen.add("inReasoning");
  if (claim.language !== null) await lookInto(claim.code, claim.language, reading, seen);
  hear(reading, index, seen);
  return {
    language: claim.language,
    tag: claim.tag,
    ...(claim.detected !== undefined && { detectedLanguage: claim.detected }),
    form: section.form,
    code: claim.code,
    start: section.start,
    end: section.end,
    ...scoreOf(seen),
    intent: intentOf(seen),
  };
}

async function inlineBlock(
  span: { readonly start: number; readonly end: number; readonly code: string },
  language: Language,
  index: number,
  reading: Reading,
): Promise<CodeBlock> {
  const seen = new Set<Sign>([...reading.common, "detected", "inline", "words.run"]);
  await lookInto(span.code, language, reading, seen);
  for (const word of wordsOf("notRun", (reading.sections[index] as { text: string }).text)) {
    seen.add("words.notRun");
    reading.keywords.add(word);
  }
  const { start, end, code } = span;
  return { language, tag: null, form: "inline", code, start, end, ...scoreOf(seen), intent: intentOf(seen) };
}

/** Adds what the words around a block say. */
function hear(reading: Reading, index: number, seen: Set<Sign>): void {
  const { signs, keywords } = surroundingsOf(reading.sections, index);
  for (const sign of signs) seen.add(sign);
  for (const word of keywords) reading.keywords.add(word);
}

/** Adds what the code itself says: its syntax, its names, its words. */
async function lookInto(code: string, language: Language, reading: Reading, seen: Set<Sign>): Promise<void> {
  addCodeSigns(code, language, seen);
  if (code.length > MAX_PARSED || reading.parsed + code.length > MAX_PARSED_TOGETHER) {
    seen.add("unread");
    return;
  }
  reading.parsed += code.length;
  const tree = await parseCode(code, language);
  if (tree.errors.length > 0) seen.add("syntaxErrors");
  const effect = effectOf(tree);
  if (effect === "nothing") seen.add("empty");
  if (effect === "defines" && language !== "rust") seen.add("definesOnly");
  addNames(tree, language, reading, seen);
}

function addCodeSigns(code: string, language: Language, seen: Set<Sign>): void {
  const signs = codeSigns(code, language);
  for (const sign of [
    "placeholder",
    "shows",
    "waits",
    "changesMachine",
    "callsFile",
    "takesArguments",
    "destroys",
  ] as const) {
    if (signs[sign]) seen.add(sign);
  }
  if (code.includes("\n")) seen.add("severalLines");
  if (/^(import |from |use |const .*require\()/m.test(code.slice(0, 5000))) seen.add("imports");
  if (language === "rust" && !/\bfn main\s*\(/.test(code)) seen.add("noMain");
}

function addNames(tree: SyntaxTree, language: Language, reading: Reading, seen: Set<Sign>): void {
  const { made, used } = namesOf(tree, language);
  const known = reading.made.get(language) ?? new Set<string>();
  reading.made.set(language, known);
  const definesAgain = [...made].filter((name) => known.has(name) && name.length > 3).length >= 2;
  if (definesAgain) seen.add("alternative");
  for (const name of used) if (!made.has(name) && !known.has(name)) seen.add("freeNames");
  for (const name of made) known.add(name);
}

/** Which sections stand in `<think>` … `</think>`, as models write their reasoning. */
function reasoningOf(sections: readonly Section[]): ReadonlySet<number> {
  const inside = new Set<number>();
  let depth = false;
  for (const [index, section] of sections.entries()) {
    if (section.kind === "code") {
      if (depth) inside.add(index);
      continue;
    }
    const opens = section.text.lastIndexOf("<think");
    const closes = section.text.lastIndexOf("</think");
    if (opens > closes) depth = true;
    else if (closes !== -1) depth = false;
  }
  return inside;
}

function messageIntent(
  blocks: readonly CodeBlock[],
  keywords: ReadonlySet<string>,
  { executeThreshold = 0.8, askThreshold = 0.5 }: ExtractOptions,
): MessageIntent {
  const confidence = blocks.reduce((most, block) => Math.max(most, block.confidence), 0);
  let suggestedAction: SuggestedAction = "show";
  if (blocks.length > 0 && confidence >= executeThreshold) suggestedAction = "execute";
  else if (blocks.length > 0 && confidence >= askThreshold) suggestedAction = "ask";
  return { confidence, keywords: [...keywords].slice(0, MAX_KEYWORDS), suggestedAction };
}
