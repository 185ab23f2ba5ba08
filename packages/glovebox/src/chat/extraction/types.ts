import type { Language } from "../../core/index.ts";

/** Whose text it is: a model's answer, or what a person wrote. */
export type TextSource = "answer" | "user";

export interface ExtractOptions {
  /** Default `answer`. In a user's text code is taken for code to run only where the words ask for it. */
  readonly from?: TextSource | undefined;
  /** What the user asked, to which `text` is the answer: its words count too. */
  readonly request?: string | undefined;
  /** From this confidence on, 0 to 1, `execute` is suggested. Default 0.8. */
  readonly executeThreshold?: number | undefined;
  /** From this confidence on, 0 to 1, `ask` is suggested. Default 0.5, and at most `executeThreshold`. */
  readonly askThreshold?: number | undefined;
}

export type SuggestedAction = "execute" | "ask" | "show";

/** What the words around a block want: that it runs, that it is only looked at, or neither. */
export type BlockIntent = "run" | "show" | "unclear";

export type BlockForm = "fenced" | "indented" | "inline";

/** Why a block's confidence is what it is; `weight` is what it adds to the log-odds. */
export interface Reason {
  readonly code: string;
  readonly weight: number;
  readonly message: string;
}

export interface CodeBlock {
  /** A language that Glovebox runs: of the tag, else detected. `null` when it is another, or none could be told. */
  readonly language: Language | null;
  /** The first word after the opening fence, as written, at most 64 units; `null` without one. */
  readonly tag: string | null;
  /** When the tag says one language and the code looks like this one. */
  readonly detectedLanguage?: Language;
  readonly form: BlockForm;
  /** What would run: without the marks of quotes and lists, without common indentation, and of a transcript only its commands. */
  readonly code: string;
  /** `text.slice(start, end)` is the whole block with its fences, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  /** 0 to 1: how sure it is that this is meant to run. */
  readonly confidence: number;
  readonly reasons: readonly Reason[];
  readonly intent: BlockIntent;
}

export interface MessageIntent {
  /** Of the block that is surest to be meant to run; 0 without blocks. */
  readonly confidence: number;
  /** The words that spoke for or against, at most 20, each once. */
  readonly keywords: readonly string[];
  readonly suggestedAction: SuggestedAction;
}

export interface Extraction {
  readonly blocks: readonly CodeBlock[];
  readonly intent: MessageIntent;
  /** Blocks after the first 500, of which nothing else is said. */
  readonly leftOut: number;
}
