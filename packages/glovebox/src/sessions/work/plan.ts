import type { Language } from "../../core/index.ts";

interface PlanCommon {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** What an execution does in its sandbox. */
export type Plan = PlanCommon &
  (
    | {
        readonly kind: "kernel";
        readonly language: Exclude<Language, "rust">;
        readonly mode: "repl" | "file";
        /** Code, or a path. */
        readonly source: string;
        readonly args: readonly string[];
        /** Without it the code begins in the folder that the session's earlier code left it in. */
        readonly kernelCwd?: string;
        /** Whether the code gets a standard input of its own; without one it reads an end of file. */
        readonly stdin?: boolean;
      }
    | {
        readonly kind: "program";
        readonly argv: readonly string[];
        readonly terminal?: { readonly rows: number; readonly columns: number };
      }
    | {
        readonly kind: "rust";
        /** Code is written to a file of its own first. */
        readonly source: { readonly code: string } | { readonly path: string };
        readonly args: readonly string[];
      }
  );
