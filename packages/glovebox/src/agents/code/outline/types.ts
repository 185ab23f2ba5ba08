import type { SyntaxNode } from "../../../syntax/index.ts";
import type { CodeLanguage } from "../code-file.ts";

export interface OutlinedParam {
  /** As it is written; of a destructured parameter the whole pattern. */
  readonly name: string;
  /** As it is written. */
  readonly type?: string;
  /** The default's code. */
  readonly default?: string;
  /** Whether a call may leave it out. */
  readonly optional: boolean;
  readonly kind: "positional_only" | "positional" | "keyword_only" | "rest" | "keyword_rest" | "pattern";
}

export interface OutlinedFunction {
  readonly name: string;
  /** With the classes and functions around it: `Shape.area`. */
  readonly qualifiedName: string;
  /** From 1, both inclusive. */
  readonly line: number;
  readonly endLine: number;
  readonly kind: "function" | "method" | "static" | "getter" | "setter" | "constructor";
  /** Without Python's `self` and `cls`. */
  readonly params: readonly OutlinedParam[];
  readonly returns?: string;
  readonly async: boolean;
  readonly generator: boolean;
  /** Whether others can reach it. */
  readonly exported: boolean;
  readonly doc?: string;
  /** How deep statements nest in it: 0 without a branch or loop. */
  readonly nesting: number;
  /** The class it is a member of. */
  readonly class?: string;
  /** As they are written, without `@`. */
  readonly decorators: readonly string[];
}

export interface OutlinedClass {
  readonly name: string;
  readonly qualifiedName: string;
  readonly line: number;
  readonly endLine: number;
  readonly bases: readonly string[];
  readonly exported: boolean;
  readonly doc?: string;
  readonly decorators: readonly string[];
}

export interface OutlinedImport {
  /** As it is written: `./shapes.ts`, `..shapes`, `os.path`. */
  readonly module: string;
  /** What is taken from it, under its own name; `*` for everything; none when the module itself is imported. */
  readonly names: readonly string[];
  readonly line: number;
  /** Whether it is gone when the program runs. */
  readonly typeOnly: boolean;
  /** Whether it is loaded with the module, not when a function is called. */
  readonly atLoad: boolean;
}

export interface OutlinedExport {
  /** `default` for the default export. */
  readonly name: string;
  readonly line: number;
}

export interface OutlinedTodo {
  readonly line: number;
  readonly text: string;
}

export interface Outline {
  readonly language: CodeLanguage;
  /** Whether it is code of its language, all of it. */
  readonly parses: boolean;
  readonly functions: readonly OutlinedFunction[];
  readonly classes: readonly OutlinedClass[];
  readonly imports: readonly OutlinedImport[];
  /** What the file offers by name, also values and types. */
  readonly exports: readonly OutlinedExport[];
  readonly todo: readonly OutlinedTodo[];
  /** Functions and classes beyond the first 5,000. */
  readonly leftOut: number;
}

export type DeclaredFunction = Omit<
  OutlinedFunction,
  "qualifiedName" | "line" | "endLine" | "exported" | "nesting" | "class"
> & { readonly isPublic: boolean };
export type DeclaredClass = Omit<OutlinedClass, "qualifiedName" | "line" | "endLine" | "exported"> & {
  readonly isPublic: boolean;
};

/** What a language's grammar says where. */
export interface OutlineReader {
  /** The named function that a node declares. */
  functionAt(node: SyntaxNode): DeclaredFunction | undefined;
  classAt(node: SyntaxNode): DeclaredClass | undefined;
  /** Whether what is in the node is one level deeper. */
  nests(node: SyntaxNode): boolean;
  module(root: SyntaxNode): {
    readonly imports: readonly OutlinedImport[];
    readonly exports: readonly OutlinedExport[];
    /** Names of the module that are public. */
    readonly exportedNames: ReadonlySet<string>;
  };
}
