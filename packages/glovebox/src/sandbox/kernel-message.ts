/** A kernel's messages: see `docs/reference/kernel-protocol.md`. Everything in them is untrusted until parsed here. */
export type KernelMessage =
  | { readonly t: "ready"; readonly language: string; readonly version: string }
  | {
      readonly t: "console";
      readonly id: string;
      readonly level: "log" | "info" | "warn" | "error" | "debug";
      readonly text: string;
      readonly args?: readonly unknown[];
    }
  | { readonly t: "display"; readonly id: string; readonly mime: Readonly<Record<string, string>> }
  | {
      readonly t: "value";
      readonly id: string;
      readonly type: string;
      readonly preview: string;
      readonly json?: unknown;
    }
  | {
      readonly t: "exception";
      readonly id: string;
      readonly name: string;
      readonly message: string;
      readonly stack?: string;
      readonly line?: number;
      readonly exitCode?: number;
    }
  | { readonly t: "done"; readonly id: string; readonly cpuMs?: number };

export interface KernelRequest {
  readonly id: string;
  /** `rehearsal`: as `repl`, without a trace, of code that leaves none. */
  readonly mode: "repl" | "file" | "rehearsal";
  /** The code; `file`: the path. */
  readonly source: string;
  readonly language: "python" | "javascript" | "typescript" | "bash" | "rust";
  /** `file`: the program's arguments; `repl`: `sys.argv[1:]`, `process.argv.slice(2)`, `$1`… when not empty. */
  readonly args: readonly string[];
  /** Added to the kernel's environment for this request. */
  readonly env: Readonly<Record<string, string>>;
  /** The folder for this request. Absent: where the kernel is, so that a `cd` of an earlier request stays. */
  readonly cwd?: string;
  /** A named pipe that is stdin for this request. Absent: stdin is empty. */
  readonly stdin?: string;
}
