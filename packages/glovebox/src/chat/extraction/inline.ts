import type { Language } from "../../core/index.ts";
import { detectLanguage } from "./detect-language.ts";
import type { InlineSpan, Section } from "./markdown.ts";
import { wordsOf } from "./words.ts";

export interface InlineCandidate {
  readonly span: InlineSpan;
  readonly language: Language;
  /** Of the paragraph, among the sections. */
  readonly index: number;
}

/** Words that a paragraph may have besides its one piece of code. */
const MAX_WORDS = 25;

/**
 * Inline code that stands alone (one piece in its paragraph, few words around it) where these words ask to run it, and where the code is
 * told to be of a language that runs. Names of functions, files and flags, which most inline code is, are none of it.
 */
export function inlineCandidates(sections: readonly Section[], request: string | undefined): InlineCandidate[] {
  const found: InlineCandidate[] = [];
  for (const [index, section] of sections.entries()) {
    if (section.kind !== "prose" || section.heading || section.spans.length !== 1) continue;
    const [span] = section.spans;
    if (span === undefined || span.code.length < 4) continue;
    const words = `${section.text.slice(0, span.start - section.start)} ${section.text.slice(span.end - section.start)}`;
    if (words.split(/\s+/).length > MAX_WORDS || !asksToRun(words, request)) continue;
    const language = namedIn(words) ?? languageOf(span.code);
    if (language !== undefined && /[\s(]/.test(span.code)) found.push({ span, language, index });
  }
  return found;
}

function asksToRun(words: string, request: string | undefined): boolean {
  if (wordsOf("inlineRun", words).length > 0) return true;
  return !/\p{L}/u.test(words) && wordsOf("request", request ?? "").length > 0;
}

function namedIn(words: string): Language | undefined {
  const named = /\b(python|javascript|typescript|bash|shell|node)\b/i.exec(words)?.[1]?.toLowerCase();
  if (named === undefined) return undefined;
  if (named === "shell") return "bash";
  return named === "node" ? "javascript" : (named as Language);
}

function languageOf(code: string): Language | undefined {
  const { looksLike } = detectLanguage(code);
  return looksLike === "other" || looksLike === "output" || looksLike === "unknown" ? undefined : looksLike;
}
