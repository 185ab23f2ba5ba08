import type { Language } from "../../core/index.ts";
import { scan } from "./scan.ts";

/** Whether the code so far cannot be meant as it is, so that the editor should ask for another line. */
export function isIncomplete(language: Language, code: string): boolean {
  switch (language) {
    case "python":
      return pythonIncomplete(code);
    case "javascript":
    case "typescript":
    case "rust":
      return bracketsOpen(language, code);
    case "bash":
      return bashIncomplete(code);
  }
}

function bracketsOpen(language: "javascript" | "typescript" | "rust", code: string): boolean {
  const { depth, open } = scan(code, language === "rust" ? "rust" : "javascript");
  return depth > 0 || open === "long-string" || open === "comment";
}

/** As in Python's own prompt: a block goes on until an empty line. */
function pythonIncomplete(code: string): boolean {
  const { depth, open, stripped } = scan(code, "python");
  if (depth > 0 || open === "long-string") return true;
  if (/\\\n?$/.test(code)) return true;
  const lines = stripped.split("\n");
  const last = lines.at(-1) ?? "";
  const opensBlock = lines.some((line) => /:\s*$/.test(line) || /^\s*@\w/.test(line));
  if (!opensBlock) return false;
  return last.trim() !== "";
}

const OPENERS: Readonly<Record<string, string>> = {
  if: "fi",
  case: "esac",
  for: "done",
  while: "done",
  until: "done",
  select: "done",
};

function bashIncomplete(code: string): boolean {
  const { depth, open, stripped } = scan(code, "bash");
  if (depth > 0 || open !== "none") return true;
  if (/\\\n?$/.test(code) || /(\||&&)\s*$/.test(stripped)) return true;
  if (heredocOpen(code)) return true;
  const waiting: string[] = [];
  // A word counts where a command may begin: elsewhere `echo if` is only text.
  for (const word of commandWords(stripped)) {
    const closer = Object.hasOwn(OPENERS, word) ? OPENERS[word] : undefined;
    if (closer !== undefined) waiting.push(closer);
    else if (word === waiting.at(-1)) waiting.pop();
  }
  return waiting.length > 0;
}

/** Words at the beginning of commands, in order. */
function* commandWords(text: string): Generator<string> {
  let expectsCommand = true;
  for (const [token] of text.matchAll(/\n|;;?|\|\|?|&&?|\(|\)|[^\s;|&()]+/g)) {
    if (/^[\n;|&(]/.test(token)) {
      expectsCommand = true;
      continue;
    }
    if (token === ")") {
      expectsCommand = true; // after a case's pattern a command comes
      continue;
    }
    if (expectsCommand) yield token;
    expectsCommand = /^(then|do|else|elif|if|while|until|!|\{|time)$/.test(token) && expectsCommand;
  }
}

function heredocOpen(code: string): boolean {
  const lines = code.split("\n");
  for (let at = 0; at < lines.length; at += 1) {
    const match = /(?<!<)<<(-?)\s*(["']?)([A-Za-z_][A-Za-z0-9_]*)\2/.exec(lines[at] ?? "");
    if (match === null) continue;
    const end = lines.findIndex((line, index) => {
      return index > at && (match[1] === "-" ? line.replace(/^\t+/, "") : line) === match[3];
    });
    if (end < 0) return true;
    at = end;
  }
  return false;
}
