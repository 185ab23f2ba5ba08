import type { ExecutionAnswer } from "./execution.ts";
import type { Language } from "./isolation.ts";

export interface ExtractInput {
  /** Whose text it is. Default `answer`; in a user's text code counts only where the words ask to run it. */
  readonly from?: "answer" | "user" | undefined;
  /** What the user asked, to which the text is the answer. */
  readonly request?: string | undefined;
  /** From this confidence on `execute` is suggested. 0 to 1, default 0.8. */
  readonly executeThreshold?: number | undefined;
  /** From this confidence on `ask` is suggested. 0 to 1, default 0.5. */
  readonly askThreshold?: number | undefined;
}

/** A piece of code in a text. */
export interface CodeBlock {
  /** `null` when it is none that Glovebox runs. */
  readonly language: Language | null;
  /** The first word after the opening fence, as written. */
  readonly tag: string | null;
  /** When the tag says one language and the code looks like this one. */
  readonly detectedLanguage?: Language;
  readonly form: "fenced" | "indented" | "inline";
  /** What would run. */
  readonly code: string;
  /** `text.slice(start, end)` is the whole block with its fences. */
  readonly start: number;
  readonly end: number;
  /** 0 to 1: how sure it is that this is meant to run. */
  readonly confidence: number;
  readonly reasons: readonly { readonly code: string; readonly weight: number; readonly message: string }[];
  /** What the words around it want. */
  readonly intent: "run" | "show" | "unclear";
}

export interface ParseExecuteInput {
  /** Whose text it is. Default `answer`. */
  readonly from?: "answer" | "user" | undefined;
  /** What the user asked, to which the text is the answer. */
  readonly request?: string | undefined;
  /** Without it nothing runs. Default false. */
  readonly autoExecute?: boolean | undefined;
  /** From this confidence on a block runs. 0 to 1, default 0.8. */
  readonly threshold?: number | undefined;
  /** Where it runs; default: a session for this call only … */
  readonly sessionId?: string | undefined;
  /** … made from this template, or from one that has the blocks' languages. */
  readonly template?: string | undefined;
}

/** A piece of code in a text, with what was decided about it. */
export interface JudgedBlock extends CodeBlock {
  /** `refused`: the session has no such language. */
  readonly decision: "executed" | "shown" | "blocked" | "refused";
  readonly reason: string;
  /** The rule that decided. */
  readonly rule?: string;
  /** What rules found in the code. */
  readonly findings: readonly {
    readonly ruleId: string;
    readonly severity: "low" | "medium" | "high" | "critical";
    readonly decision: "block" | "ask" | "warn";
    readonly line: number;
    readonly column: number;
    readonly endLine: number;
    readonly excerpt: string;
    readonly message: string;
  }[];
  readonly executionId?: string;
}

export interface ParseExecution extends Omit<Extraction, "blocks"> {
  readonly blocks: readonly JudgedBlock[];
  /** In the order in which they ran. */
  readonly executions: readonly ExecutionAnswer[];
}

export interface Extraction {
  readonly blocks: readonly CodeBlock[];
  /** Of the whole text. */
  readonly intent: {
    readonly confidence: number;
    readonly keywords: readonly string[];
    readonly suggestedAction: "execute" | "ask" | "show";
  };
  /** Blocks after the first 500, of which nothing else is said. */
  readonly leftOut: number;
}
