import { createHash } from "node:crypto";
import { z } from "zod";
import type { ContextDocument, DocumentInput } from "../../context/index.ts";
import { canonicalJson } from "../../core/index.ts";
import type { NewLesson, RecalledLesson } from "./lessons.ts";

const MAX_TEXT = 4_000;
const MAX_EVIDENCE = 20;
const MAX_EVIDENCE_CHARS = 300;
/** Steps whose counting is remembered, so that one which is done again after a crash counts once. */
const MAX_COUNTED = 100;
const BETWEEN = "\n\nWhat was done:\n";

/** What a lesson's document says beside its text. */
const Facts = z.object({
  agent: z.string(),
  worked: z.boolean(),
  evidence: z.array(z.object({ run: z.string(), shows: z.string() })),
  used: z.number().int().min(0),
  helped: z.number().int().min(0),
  counted: z.array(z.string()),
});
type Facts = z.infer<typeof Facts>;

/** A lesson as it is kept. */
export interface KeptLesson extends Facts {
  readonly failure: string;
  readonly fix: string;
}

/** A failure without what changes from run to run: numbers, hashes, quoted values and folders. */
export function failurePattern(failure: string): string {
  return failure
    .slice(0, MAX_TEXT)
    .toLowerCase()
    .replaceAll(/\b[0-9a-f]{8,}\b/g, "N")
    .replaceAll(/\d+(\.\d+)?/g, "N")
    .replaceAll(/(?:\/[\w.@-]+)+\//g, "/")
    .replaceAll(/\s+/g, " ")
    .trim();
}

/** The same failure mended in the same way finds the same lesson again. */
export function lessonPath({ failure, fix, worked }: Pick<NewLesson, "failure" | "fix" | "worked">): string {
  const identity = { failure: failurePattern(failure), fix: fix.slice(0, MAX_TEXT), worked };
  return `lessons/${createHash("sha256").update(canonicalJson(identity)).digest("hex").slice(0, 32)}`;
}

/** A lesson that was just learnt. */
export function firstOf({ failure, fix, worked, agent }: NewLesson): KeptLesson {
  return {
    ...{ failure: failure.slice(0, MAX_TEXT), fix: fix.slice(0, MAX_TEXT), worked, agent: agent.slice(0, 100) },
    ...{ evidence: [], used: 0, helped: 0, counted: [] },
  };
}

/** With evidence of one more run; each run and thing counts once, the latest 20 stay. */
export function withEvidence(lesson: KeptLesson, runId: string, shown: readonly string[]): KeptLesson {
  const more = (shown.length === 0 ? [""] : shown).map((shows) => ({
    run: runId,
    shows: shows.slice(0, MAX_EVIDENCE_CHARS),
  }));
  const all = new Map([...lesson.evidence, ...more].map((one) => [`${one.run} ${one.shows}`, one]));
  return { ...lesson, evidence: [...all.values()].slice(-MAX_EVIDENCE) };
}

/** Counted as used, or as of help, once a step. */
export function counted(lesson: KeptLesson, what: "used" | "helped", stepKey: string): KeptLesson {
  const key = createHash("sha256").update(`${what} ${stepKey}`).digest("hex").slice(0, 12);
  if (lesson.counted.includes(key)) return lesson;
  return { ...lesson, [what]: lesson[what] + 1, counted: [...lesson.counted, key].slice(-MAX_COUNTED) };
}

/**
 * From 0 to 1, of two decimals: `(1 + e + 2h) / (2 + e + 2h + (u - h))`, with e runs of evidence, u uses and h of them that helped. One run: 0.67; used five times in
 * vain after that: 0.25; five times with help: 0.92.
 */
export function confidenceOf({ evidence, used, helped }: Pick<KeptLesson, "evidence" | "used" | "helped">): number {
  const runs = new Set(evidence.map(({ run }) => run)).size;
  const good = runs + 2 * helped;
  return Math.round((100 * (1 + good)) / (2 + good + Math.max(0, used - helped))) / 100;
}

export function toDocument(path: string, { failure, fix, ...facts }: KeptLesson): DocumentInput {
  const input = { kind: "lesson" as const, path, content: `${failure}${BETWEEN}${fix}`, metadata: { ...facts } };
  return { ...input, origin: `agent:${facts.agent}` };
}

/** Absent for a document of that kind that is not one of ours. */
export function fromDocument({
  content,
  metadata,
}: Pick<ContextDocument, "content" | "metadata">): KeptLesson | undefined {
  const at = content.indexOf(BETWEEN);
  const facts = Facts.safeParse(metadata);
  if (at === -1 || !facts.success) return undefined;
  return { ...facts.data, failure: content.slice(0, at), fix: content.slice(at + BETWEEN.length) };
}

export function recalledOf(id: string, lesson: KeptLesson): RecalledLesson {
  const { failure, fix, worked, used, helped } = lesson;
  return { id, failure, fix, worked, confidence: confidenceOf(lesson), used, helped };
}

/** How much of the fewer words of two failures both have, 0 to 1. */
export function likeness(a: string, b: string): number {
  const [left, right] = [wordsOf(a), wordsOf(b)];
  const fewer = Math.min(left.size, right.size);
  if (fewer === 0) return 0;
  return [...left].filter((word) => right.has(word)).length / fewer;
}

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(failurePattern(text).match(/[\p{L}_]{2,}/gu) ?? []);
}
