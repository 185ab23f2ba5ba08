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
