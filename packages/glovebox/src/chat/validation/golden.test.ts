import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Language } from "../../core/index.ts";
import { validateCode } from "../index.ts";

interface Snippet {
  readonly rules: readonly string[];
  readonly code: string;
}

function snippetsOf(language: Language): Snippet[] {
  const text = readFileSync(new URL(`testdata/${language}.txt`, import.meta.url), "utf8");
  return text
    .split(/^## /m)
    .slice(1)
    .map((entry) => {
      const newline = entry.indexOf("\n");
      const ids = entry.slice(0, newline).trim();
      return { rules: ids === "-" ? [] : ids.split(" ").sort(), code: entry.slice(newline + 1).trimEnd() };
    });
}

// TypeScript's rules are JavaScript's: its file tries what only TypeScript writes.
const LANGUAGES = [
  ["python", 40],
  ["javascript", 40],
  ["typescript", 8],
  ["bash", 40],
  ["rust", 40],
] as const;

test.each(LANGUAGES)(
  "%s: every snippet breaks the rules that its golden file says, and no others",
  async (language, least) => {
    const snippets = snippetsOf(language);
    expect(snippets.filter(({ rules }) => rules.length > 0).length).toBeGreaterThanOrEqual(least);
    expect(snippets.filter(({ rules }) => rules.length === 0).length).toBeGreaterThanOrEqual(least);
    for (const { code, rules } of snippets) {
      const { findings } = await validateCode(code, language);
      expect([...new Set(findings.map(({ ruleId }) => ruleId))].sort(), code).toEqual(rules);
    }
  },
);
