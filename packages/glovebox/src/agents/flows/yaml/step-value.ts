import { GloveboxError } from "../../../core/index.ts";
import { Diff } from "../../messages/diff.ts";
import type { AgentOutcome } from "../../messages/result.ts";

/** What a step came to, as expressions see it: `steps.ID`. Which fields there are depends on the kind of step. */
export interface StepValue {
  readonly status: "done" | "failed" | "skipped";
  /** For people; of an agent its summary, of a person what they said. */
  readonly text?: string;
  /** The data of an agent's summary, what a branch that was chosen came to, … */
  readonly output?: unknown;
  /** Of an agent that changes files. */
  readonly diff?: Diff | null;
  readonly artifacts?: AgentOutcome["artifacts"];
  readonly error?: { readonly code: string; readonly message: string };
  readonly [more: string]: unknown;
}

export function agentValue({ delta, artifacts }: AgentOutcome): StepValue {
  switch (delta.kind) {
    case "diff": {
      const text = `changes ${delta.diff.files.map(({ path }) => path).join(", ") || "nothing"}`;
      return { status: "done", text, output: {}, diff: delta.diff, artifacts };
    }
    case "doc":
      return { status: "done", text: delta.content, output: { id: delta.id }, diff: null, artifacts };
    case "summary":
      return { status: "done", text: delta.text, output: delta.data ?? {}, diff: null, artifacts };
  }
}

export function failedValue(error: GloveboxError): StepValue {
  const { code, message } = error;
  return { status: "failed", text: message, error: { code, message } };
}

/** `invalid_argument` unless a value is a diff as agents give it. */
export function asDiff(value: unknown, what: string): Diff {
  const parsed = Diff.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new GloveboxError("invalid_argument", `${what} is no diff`);
}
