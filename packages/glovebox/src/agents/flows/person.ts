import { z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import type { ProgramContext } from "../../engine/index.ts";
import { parseDiff } from "../workbench/parse-diff.ts";

const MAX_TEXT = 100_000;
const MAX_DIFF = 1_048_576;

/** What a person is asked by a flow that waits for them. */
export const FlowQuestion = z.strictObject({
  /** Unique in its run. */
  id: z.string().min(1).max(100),
  kind: z.enum(["approve", "edit", "ask"]),
  text: z.string().max(MAX_TEXT),
  /** What it is about, as a unified diff. */
  diff: z.string().max(MAX_DIFF).optional(),
  /** What may be answered; absent: any text. */
  choices: z.array(z.string().max(10_000)).max(50).optional(),
});
export type FlowQuestion = z.infer<typeof FlowQuestion>;

/** What a person says. */
export const FlowAnswer = z.strictObject({
  /** To `approve`. */
  approved: z.boolean().optional(),
  /** To `ask`. */
  answer: z.string().max(MAX_TEXT).optional(),
  /** To `edit`: the whole diff as it is to be. */
  diff: z.string().max(MAX_DIFF).optional(),
  /** For whoever reads the run. */
  comment: z.string().max(MAX_TEXT).optional(),
});
export type FlowAnswer = z.infer<typeof FlowAnswer>;

/** `invalid_argument` unless the answer is one to that question. */
export function checkAnswer(question: FlowQuestion, answer: unknown): FlowAnswer {
  const parsed = FlowAnswer.safeParse(answer);
  if (!parsed.success) throw refused(parsed.error.issues[0]?.message ?? "it is not valid");
  const given = parsed.data;
  const wanted = { approve: "approved", edit: "diff", ask: "answer" } as const;
  const field = wanted[question.kind];
  if (given[field] === undefined) throw refused(`the question ${question.id} is answered with ${field}`);
  for (const other of Object.values(wanted)) {
    if (other !== field && given[other] !== undefined) throw refused(`${other} answers another kind of question`);
  }
  if (given.diff !== undefined) parseDiff(given.diff, { recount: true });
  if (question.choices !== undefined && !question.choices.includes(given.answer ?? "")) {
    throw refused(`the answer must be one of ${question.choices.join(", ")}`);
  }
  return given;
}

/** The signal that brings the answer. */
export function answerSignal(questionId: string): string {
  return `answer:${questionId}`;
}

/**
 * Asks a person and waits, as long as it takes or until `timeoutMs`; the run shows as waiting for approval. Answers that are none, which anybody may send as a signal, are passed
 * over. Errors: `timeout`.
 */
export async function askPerson(run: ProgramContext, question: FlowQuestion, timeoutMs?: number): Promise<FlowAnswer> {
  await run.note({ flow: { question } });
  const waiting = { approval: true, ...(timeoutMs !== undefined && { timeoutMs }) };
  for (;;) {
    const given = await run.waitFor(answerSignal(question.id), waiting);
    try {
      const answer = checkAnswer(question, given);
      await run.note({ flow: { answered: question.id } });
      return answer;
    } catch (error) {
      if (!(error instanceof GloveboxError) || error.code !== "invalid_argument") throw error;
    }
  }
}

function refused(why: string): GloveboxError {
  return new GloveboxError("invalid_argument", why, { details: { path: "answer" } });
}
