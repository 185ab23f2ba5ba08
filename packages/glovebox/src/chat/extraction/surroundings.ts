import type { ProseSection, Section } from "./markdown.ts";
import type { Sign } from "./weights.ts";
import { type Cue, wordsOf } from "./words.ts";

/** The words near a block, and what they say. */
export interface Surroundings {
  readonly signs: readonly Sign[];
  readonly keywords: readonly string[];
}

/** Of the text before a block, since the block before it. */
const BEFORE = 500;
/** Of the text after a block, until the next one: what follows is mostly about something else. */
const AFTER = 240;

const CUES_BEFORE = ["notRun", "sketch", "output", "wrong", "file", "theirs", "example", "run"] as const;
const CUES_AFTER = ["notRun", "sketch", "wrong"] as const;
const SAME_SENTENCE: ReadonlySet<Cue> = new Set<Cue>(["output", "wrong", "file", "theirs", "example", "sketch", "run"]);

/** What the prose before and after the section at `index` says about it. */
export function surroundingsOf(sections: readonly Section[], index: number): Surroundings {
  const before = proseBefore(sections, index);
  const after = proseAfter(sections, index);
  const signs: Sign[] = [];
  const keywords: string[] = [];
  for (const cue of CUES_BEFORE) {
    const found = wordsOf(cue, SAME_SENTENCE.has(cue) ? nearest(before) : before);
    if (found.length > 0) signs.push(`words.${cue}`);
    keywords.push(...found);
  }
  for (const cue of CUES_AFTER) {
    const found = wordsOf(cue, after);
    if (found.length > 0) signs.push(`after.${cue}`);
    keywords.push(...found);
  }
  return { signs, keywords };
}

/** The last paragraph before a block, with the heading over it. */
function proseBefore(sections: readonly Section[], index: number): string {
  const pieces: string[] = [];
  let length = 0;
  for (let at = index - 1; at >= 0 && length < BEFORE; at -= 1) {
    const section = sections[at];
    if (section?.kind !== "prose") break;
    pieces.unshift(section.text.slice(-BEFORE));
    length += section.text.length;
    if (section.heading) break;
  }
  return pieces.join("\n\n").slice(-BEFORE);
}

/** The heading's words and the last two sentences: what stands before them is about something else. */
function nearest(before: string): string {
  const sentences = before.split(/(?<=[.!?。！？])\s+|\n\n+/).filter((sentence) => /\p{L}/u.test(sentence));
  return sentences.slice(-2).join("\n");
}

function proseAfter(sections: readonly Section[], index: number): string {
  const next = sections[index + 1];
  if (next?.kind !== "prose" || next.heading) return "";
  const isLeadOfNext = sections[index + 2]?.kind === "code" && /[:：]\s*$/.test(next.text);
  return isLeadOfNext ? "" : (next.text.slice(0, AFTER).split(/(?<=[.!?。！？])\s+/)[0] ?? "");
}

/** Whether the text, at its beginning or end, says of all its code that it does not run. */
export function saysOfAll(sections: readonly Section[]): readonly string[] {
  const prose = sections.filter((section): section is ProseSection => section.kind === "prose");
  const text = [prose[0], prose.at(-1)].map((section) => section?.text.slice(0, BEFORE) ?? "").join("\n");
  return /\b(any of|all of|none of|anything|these|everything|nothing|the code (above|below)|either|code blocks|snippets)\b/i.test(
    text,
  )
    ? wordsOf("notRun", text)
    : [];
}
