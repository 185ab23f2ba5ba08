import { z } from "zod";
import type { Note } from "../../hook.ts";
import { boundedNotes } from "../answers.ts";
import { defineBuiltin, hookAt } from "../define-builtin.ts";
import { READING_TIMEOUT_MS } from "../reading-time.ts";
import type { InjectionPassage } from "./find-injections.ts";
import { InjectionReader } from "./injection-reader.ts";
import { markPassages, tellPassages, wrapText } from "./show-injections.ts";

const NAME = "prompt-injection";

/** How sure the signs of a passage must make together. What each finds: docs/reference/hooks.md. */
export const THRESHOLDS = { low: 0.75, medium: 0.55, high: 0.4 } as const;

const Options = z.strictObject({
  /** `mark` puts brackets around the passages, `wrap` lines around the whole text, `block` withholds it. */
  action: z.enum(["mark", "wrap", "block"]).default("wrap"),
  /** `high` finds more, and more that is none. */
  sensitivity: z.enum(["low", "medium", "high"]).default("medium"),
  /** `pre_llm`: the results of tools in what a model is sent. */
  points: z
    .array(z.enum(["post_execution", "pre_llm"]))
    .min(1)
    .default(["post_execution", "pre_llm"]),
});

/** Keeps what a program or a tool printed from instructing the model. The signs are known phrasings: advice, no wall. */
export const promptInjection = defineBuiltin({
  name: NAME,
  description: "Finds text in output and tools' results that tries to instruct the model; marks, wraps or blocks it",
  points: ["post_execution", "pre_llm"],
  options: Options,
  make: ({ action, sensitivity, points }) => {
    const reader = new InjectionReader(THRESHOLDS[sensitivity]);
    // What ran has been looked at by then; to wrap it twice would say nothing more.
    const seenBefore = points.includes("post_execution") ? new Set(["execute_code"]) : new Set<string>();
    const hooks = {
      post_execution: hookAt("post_execution", NAME, READING_TIMEOUT_MS, async (outcome, { signal }) => {
        const [stdout = [], stderr = []] = await reader.find([outcome.stdout, outcome.stderr], signal);
        const notes = [...notesOf("stdout", stdout), ...notesOf("stderr", stderr)];
        const [first] = notes;
        if (first === undefined) return { decision: "allow" };
        if (action === "block") return { decision: "block", reason: reasonOf(notes), notes };
        const value = {
          ...outcome,
          stdout: defused(outcome.stdout, stdout, action),
          stderr: defused(outcome.stderr, stderr, action),
        };
        return { decision: "modify", value, reason: reasonOf(notes), notes };
      }),
      pre_llm: hookAt("pre_llm", NAME, READING_TIMEOUT_MS, async ({ messages }, { signal }) => {
        const looked = messages.filter((message) => message.role === "tool" && !seenBefore.has(message.name));
        const found = await reader.find(
          looked.map(({ text }) => text),
          signal,
        );
        const passages = new Map(looked.map((message, at) => [message, found[at] ?? []]));
        const notes = looked.flatMap((message) =>
          notesOf(`the result of ${nameOf(message)}`, passages.get(message) ?? []),
        );
        if (notes.length === 0) return { decision: "allow" };
        const value = messages.map((message) => ({
          ...message,
          text: defused(message.text, passages.get(message) ?? [], action),
        }));
        return { decision: "modify", value: { messages: value }, reason: reasonOf(notes), notes: boundedNotes(notes) };
      }),
    };
    return [...new Set(points)].map((point) => hooks[point]);
  },
});

function nameOf(message: object): string {
  return "name" in message && typeof message.name === "string" ? message.name : "";
}

function notesOf(where: string, passages: readonly InjectionPassage[]): Note[] {
  if (passages.length === 0) return [];
  return [{ code: NAME, message: `${where} seems to instruct the model: ${tellPassages(passages)}` }];
}

function reasonOf(notes: readonly Note[]): string {
  return notes
    .map(({ message }) => message)
    .join("; ")
    .slice(0, 2_000);
}

function defused(
  text: string,
  passages: readonly InjectionPassage[],
  action: z.output<typeof Options>["action"],
): string {
  if (passages.length === 0) return text;
  if (action === "mark") return markPassages(text, passages);
  if (action === "wrap") return wrapText(text, passages);
  return `[withheld: this seemed to instruct the model (${tellPassages(passages)})]`;
}
