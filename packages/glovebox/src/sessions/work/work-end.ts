import type { ProcessExit } from "../../sandbox/index.ts";

/** How one piece of work came to its end, before it is judged. */
export type WorkEnd =
  /** A program ended. */
  | { readonly kind: "exit"; readonly exit: ProcessExit }
  /** A kernel finished a request; `exitCode` when the code asked to exit (or its status, for bash). */
  | { readonly kind: "done"; readonly threw: boolean; readonly exitCode?: number; readonly cpuMs: number }
  /** The kernel ended in the middle of a request. */
  | { readonly kind: "kernel_lost"; readonly exit: ProcessExit }
  /** It could not be started. */
  | { readonly kind: "not_started"; readonly error: unknown }
  /** The sandbox is gone. */
  | { readonly kind: "sandbox_gone" }
  /** The server lets go of the sandbox; the work goes on without it. */
  | { readonly kind: "detached" };
