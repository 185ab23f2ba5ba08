import type { Language } from "../../../core/index.ts";
import type { SyntaxNode } from "../../../syntax/index.ts";

/** A name that is used, whatever it was called on the way: `os.system` after `from os import system as s`. */
export interface Use {
  readonly names: readonly string[];
  readonly node: SyntaxNode;
  /** Of a call, what is written out among its arguments. */
  readonly literals: readonly string[];
}

/** A program that is called. Words that cannot be told are `undefined`. */
export interface Command {
  readonly program: string;
  readonly args: readonly (string | undefined)[];
  readonly node: SyntaxNode;
}

/** Code in code: `bash -c '…'`, `os.system("…")`. */
export interface Embedded {
  readonly language: Language;
  readonly code: string;
  readonly node: SyntaxNode;
}

/** What a program does, as far as its text tells. */
export interface Facts {
  readonly uses: readonly Use[];
  readonly commands: readonly Command[];
  /** Programs whose output another runs, in the order of the pipe. */
  readonly pipes: readonly { readonly from: readonly string[]; readonly to: string; readonly node: SyntaxNode }[];
  /** Files that are written by redirection. */
  readonly writes: readonly { readonly path: string; readonly node: SyntaxNode }[];
  readonly forkBombs: readonly SyntaxNode[];
  readonly embedded: readonly Embedded[];
}

/** What a language's reader fills in; the rest is empty. */
export function factsWith(some: Partial<Facts>): Facts {
  return { uses: [], commands: [], pipes: [], writes: [], forkBombs: [], embedded: [], ...some };
}

/** Calls in which a literal string or list of strings is a program of its own. Names may end in `*`. */
export interface Launchers {
  /** The first argument is a shell's program. */
  readonly shell: readonly string[];
  /** The arguments are a program and its words, in a list or one by one. */
  readonly argv: readonly string[];
  /** The first argument is code of the language itself. */
  readonly code: readonly string[];
}
