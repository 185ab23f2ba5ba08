import type { Isolation, Language } from "../../core/index.ts";

/** Host functions that `isolate` sessions may be offered. */
export const MODULES: readonly { readonly name: string; readonly description: string }[] = [
  { name: "fs", description: "files of the workspace, through a confined helper process" },
  { name: "exec", description: "programs, in a bubblewrap sandbox of the session's own" },
  { name: "database", description: "SQLite databases in the workspace" },
];

/** JavaScript's own things, which are always there and cannot be added. */
export const BUILT_INS: ReadonlySet<string> = new Set([
  "array",
  "atomics",
  "bigint",
  "boolean",
  "console",
  "date",
  "error",
  "function",
  "generator",
  "globalthis",
  "iterator",
  "json",
  "map",
  "math",
  "number",
  "object",
  "promise",
  "proxy",
  "reflect",
  "regexp",
  "set",
  "string",
  "symbol",
  "weakmap",
  "weakset",
]);

/** The languages that an isolation can have at all; what a host really has its probe tells. */
export const ISOLATION_LANGUAGES: Readonly<Record<Isolation, readonly Language[]>> = {
  isolate: ["javascript", "typescript"],
  bubblewrap: ["python", "javascript", "typescript", "bash", "rust"],
  gvisor: ["python", "javascript", "typescript", "bash", "rust"],
  microvm: ["python", "javascript", "typescript", "bash", "rust"],
  firecracker: ["python", "javascript", "typescript", "bash", "rust"],
};
