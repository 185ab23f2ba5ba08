import { z } from "zod";
import type { Redactor } from "../../../core/index.ts";
import type { Note } from "../hook.ts";
import { defineBuiltin, hookAt } from "./define-builtin.ts";
import { maskText } from "./mask-text.ts";

const NAME = "output-sanitiser";
const TIMEOUT_MS = 15_000;
/** What redactors put in a secret's place. */
const MASK = "[redacted]";

const Options = z.strictObject({
  /** Whether e-mail addresses are masked too. */
  emails: z.boolean().default(true),
  /** Whether mere words that are given to the name of a secret count as one (`token: something`). */
  strict: z.boolean().default(false),
  points: z
    .array(z.enum(["post_execution", "post_llm"]))
    .min(1)
    .default(["post_execution", "post_llm"]),
});

/** Masks secrets and e-mail addresses in what came out, and says how many; the rest of it stays. */
export const outputSanitiser = defineBuiltin({
  name: NAME,
  description: "Masks secrets and e-mail addresses in output and answers, and says how many of which kind",
  points: ["post_execution", "post_llm"],
  options: Options,
  make: ({ emails, strict, points }, { redactor }) => {
    const masks: Masks = {
      secrets: redactor({ strict, emails: false }),
      emails: emails ? redactor({ strict, emails: true }) : undefined,
    };
    const hooks = {
      post_llm: hookAt("post_llm", NAME, TIMEOUT_MS, async ({ text }, { signal }) => {
        const answer = await maskedText(text, "the answer", masks, signal);
        if (answer.note === undefined) return { decision: "allow" };
        return { decision: "modify", value: { text: answer.text }, reason: answer.note.message, notes: [answer.note] };
      }),
      post_execution: hookAt("post_execution", NAME, TIMEOUT_MS, async (outcome, { signal }) => {
        const stdout = await maskedText(outcome.stdout, "stdout", masks, signal);
        const stderr = await maskedText(outcome.stderr, "stderr", masks, signal);
        const notes = [stdout.note, stderr.note].filter((note) => note !== undefined);
        if (notes.length === 0) return { decision: "allow" };
        const value = { ...outcome, stdout: stdout.text, stderr: stderr.text };
        return { decision: "modify", value, reason: notes.map(({ message }) => message).join("; "), notes };
      }),
    };
    return [...new Set(points)].map((point) => hooks[point]);
  },
});

interface Masks {
  readonly secrets: Redactor;
  /** Masks secrets too. */
  readonly emails: Redactor | undefined;
}

async function maskedText(
  text: string,
  where: string,
  masks: Masks,
  signal: AbortSignal,
): Promise<{ readonly text: string; readonly note?: Note }> {
  const withoutSecrets = await maskText(masks.secrets, text, signal);
  const masked = masks.emails === undefined ? withoutSecrets : await maskText(masks.emails, withoutSecrets, signal);
  const kinds = [
    ...counted(text, withoutSecrets, "secret", "secrets"),
    ...counted(withoutSecrets, masked, "e-mail address", "e-mail addresses"),
  ];
  if (kinds.length === 0) return { text };
  return { text: masked, note: { code: "redacted", message: `masked ${kinds.join(" and ")} in ${where}` } };
}

/** Secrets that touch share a mask, so this counts no more than there were. */
function counted(before: string, after: string, one: string, many: string): string[] {
  if (before === after) return [];
  const count = Math.max(1, masksIn(after) - masksIn(before));
  return [`${count} ${count === 1 ? one : many}`];
}

function masksIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf(MASK); at !== -1; at = text.indexOf(MASK, at + MASK.length)) count += 1;
  return count;
}
