import type { Isolation, Language } from "../../core/index.ts";

const BY_ENDING: Readonly<Record<string, Language>> = {
  ".py": "python",
  ".js": "javascript",
  ".mjs": "javascript",
  ".cjs": "javascript",
  ".ts": "typescript",
  ".mts": "typescript",
  ".cts": "typescript",
  ".sh": "bash",
  ".bash": "bash",
  ".rs": "rust",
};

const BY_INTERPRETER: readonly (readonly [RegExp, Language])[] = [
  [/^python[0-9.]*$/, "python"],
  [/^(node|nodejs)$/, "javascript"],
  [/^(deno|bun|tsx|ts-node)$/, "typescript"],
  [/^(ba|da|z|k)?sh$/, "bash"],
];

/** The language of a file by its ending, else by its `#!` line; `undefined` when neither tells. */
export function languageOf(path: string, head: string): Language | undefined {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  const ending = dot > 0 ? name.slice(dot).toLowerCase() : "";
  if (Object.hasOwn(BY_ENDING, ending)) return BY_ENDING[ending];
  return interpreterLanguage(head);
}

/** `#!/usr/bin/env -S python3 -u` and `#!/bin/sh` name their interpreter. */
function interpreterLanguage(head: string): Language | undefined {
  if (!head.startsWith("#!")) return undefined;
  const words = head.slice(2).split("\n", 1)[0]?.trim().split(/\s+/) ?? [];
  const names = words.map((word) => word.slice(word.lastIndexOf("/") + 1));
  const interpreter =
    names[0] === "env" ? names.slice(1).find((word) => !word.startsWith("-") && !word.includes("=")) : names[0];
  return BY_INTERPRETER.find(([pattern]) => pattern.test(interpreter ?? ""))?.[1];
}

/** What code without a file is taken for, when nothing says otherwise. */
export function defaultLanguage(isolation: Isolation | undefined, template: string | undefined): Language {
  if (isolation === "isolate" || template === "js-isolate" || template === "node") return "javascript";
  if (template === "bash" || template === "ci") return "bash";
  return template === "rust" ? "rust" : "python";
}

/** The name that code without a file gets in the workspace. */
export const FILE_NAMES: Readonly<Record<Language, string>> = {
  python: "main.py",
  javascript: "main.mjs",
  typescript: "main.mts",
  bash: "main.sh",
  rust: "main.rs",
};
