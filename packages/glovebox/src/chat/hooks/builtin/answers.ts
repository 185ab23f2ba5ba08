import type { Note } from "../hook.ts";

/** As the schemas of answers bound them. */
const MAX_NOTES = 20;
const MAX_REASON = 2_000;

/** Where something was found that a person or a model may want to know of. */
export type Strictness = "note" | "ask" | "block";

/** An answer that every point has: nothing is put in anything's place. */
export type Verdict = (
  | { readonly decision: "allow" }
  | { readonly decision: "block"; readonly reason: string }
  | { readonly decision: "ask"; readonly prompt: string }
) & { readonly notes?: readonly Note[] };

/** No hook's answer is refused for its length: what is beyond is counted, not told. */
export function boundedNotes(notes: readonly Note[]): readonly Note[] {
  const bounded = notes.map(({ code, message }) => ({ code, message: cut(message) }));
  if (bounded.length <= MAX_NOTES) return bounded;
  const more = bounded.length - (MAX_NOTES - 1);
  return [...bounded.slice(0, MAX_NOTES - 1), { code: "more", message: `and ${more} more` }];
}

/** The answer to what was found: told, asked about, or stopped. */
export function answerWith(strictness: Strictness, why: string, notes: readonly Note[]): Verdict {
  const told = { notes: boundedNotes(notes) };
  if (strictness === "block") return { decision: "block", reason: cut(why), ...told };
  if (strictness === "ask") return { decision: "ask", prompt: cut(why), ...told };
  return { decision: "allow", ...told };
}

/** Whole characters only: half of one is no text. */
function cut(text: string): string {
  return text.length <= MAX_REASON ? text : `${text.slice(0, MAX_REASON - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}
