import type { Language } from "../../core/index.ts";
import type { SyntaxProblem } from "../../syntax/index.ts";

/** What a finding asks for; `warn` is only told. */
export type RuleDecision = "block" | "ask" | "warn";
export type Severity = "low" | "medium" | "high" | "critical";

export interface Finding {
  readonly ruleId: string;
  readonly severity: Severity;
  readonly decision: RuleDecision;
  /** From 1; columns count UTF-16 units. Of a program within a string, the place of the string. */
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  /** The code that was found, at most 200 units. */
  readonly excerpt: string;
  readonly message: string;
}

export interface Validation {
  /** The strictest decision of the findings: `block` before `ask`; `allow` when none asks for either. */
  readonly decision: "allow" | "ask" | "block";
  /** In the order of the code, at most 100. */
  readonly findings: readonly Finding[];
  readonly syntaxErrors: readonly SyntaxProblem[];
}

/** Settings with every default filled in. */
export interface ValidationSettings {
  readonly rules: readonly Rule[];
  readonly allowedLanguages: readonly Language[];
  readonly maxLength: number;
}

/** What a rule looks for. Names may end in `*`. */
export type Pattern =
  /** A function, class or module that is used, by whatever alias; `argument`: only where one of its literal arguments is such. */
  | { readonly kind: "name"; readonly names: readonly string[]; readonly argument?: Target }
  /** A node or keyword of the syntax tree. */
  | { readonly kind: "node"; readonly types: readonly string[] }
  /** A program that is called, in a shell or as a list of arguments. */
  | {
      readonly kind: "command";
      readonly programs: readonly string[];
      readonly flags?: readonly string[];
      readonly argument?: Target;
    }
  /** What one program prints is given to another as code. */
  | { readonly kind: "pipe"; readonly from: readonly string[]; readonly to: readonly string[] }
  /** A redirection into a file. */
  | { readonly kind: "write"; readonly argument: Target }
  /** A function that calls itself twice, or in the background. */
  | { readonly kind: "fork-bomb" }
  /** What is told of the code as a whole. */
  | { readonly kind: "whole"; readonly what: "language" | "length" | "binary" | "syntax" };

/** `root`: a folder that holds a system or a person's files. `device`: a disk. Else patterns with `*`. */
export type Target = "root" | "device" | readonly string[];

export interface Rule {
  /** `python.eval`, unique. */
  readonly id: string;
  /** `any`: whatever the language. JavaScript's rules hold for TypeScript too. */
  readonly language: "any" | "python" | "javascript" | "bash" | "rust";
  readonly severity: Severity;
  readonly decision: RuleDecision;
  readonly pattern: Pattern;
  readonly message: string;
}
