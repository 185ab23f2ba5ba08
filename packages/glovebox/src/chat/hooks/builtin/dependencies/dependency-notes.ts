import { z } from "zod";
import type { Language } from "../../../../core/index.ts";
import { MAX_LOOKED_INTO } from "../../../validation/limits.ts";
import { processThreads } from "../../../worker/process-threads.ts";
import { answerWith } from "../answers.ts";
import { defineBuiltin, hookAt } from "../define-builtin.ts";
import { READING_TIMEOUT_MS } from "../reading-time.ts";
import { comparable, type Ecosystem, installedAs, isStandard } from "./standard-library.ts";

const NAME = "dependency-notes";

const Names = z.array(z.string().min(1).max(214)).max(2_000).default([]);

const Options = z.strictObject({
  /** What the image has besides the standard library, as it is imported or as it is installed. */
  packages: z.strictObject({ python: Names, javascript: Names, rust: Names }).prefault({}),
  /** What happens to code that needs anything else. */
  action: z.enum(["note", "ask", "block"]).default("note"),
});

const ECOSYSTEMS: Readonly<Record<Language, Ecosystem | undefined>> = {
  python: "python",
  javascript: "javascript",
  typescript: "javascript",
  rust: "rust",
  bash: undefined,
};

/** Says which packages code needs that are not there, before it fails for them. */
export const dependencyNotes = defineBuiltin({
  name: NAME,
  description: "Finds imports of packages that neither the standard library nor a given list has, and says which",
  points: ["pre_execution"],
  options: Options,
  make: ({ packages, action }) => {
    const given = (["python", "javascript", "rust"] as const).map(
      (ecosystem) => [ecosystem, new Set(packages[ecosystem].map((name) => comparable(ecosystem, name)))] as const,
    );
    const there = new Map<Ecosystem, ReadonlySet<string>>(given);
    return [
      hookAt("pre_execution", NAME, READING_TIMEOUT_MS, async ({ language, code }, { signal }) => {
        const ecosystem = ECOSYSTEMS[language];
        if (ecosystem === undefined) return { decision: "allow" };
        if (code.length > MAX_LOOKED_INTO) return answerWith(action, TOO_LONG, [{ code: NAME, message: TOO_LONG }]);
        const imports = await processThreads.read("imports", { code, language }, signal);
        const missing = imports.filter(({ name }) => !isThere(ecosystem, name, there.get(ecosystem)));
        if (missing.length === 0) return { decision: "allow" };
        const notes = missing.map(({ name, line }) => ({
          code: "missing-package",
          message: `line ${line} needs ${toldName(ecosystem, name)}, which the sandbox may not have`,
        }));
        const names = missing.map(({ name }) => toldName(ecosystem, name)).join(", ");
        return answerWith(action, `the code needs packages that the sandbox may not have: ${names}`, notes);
      }),
    ];
  },
});

const TOO_LONG = `the code has more than ${MAX_LOOKED_INTO} characters: what it imports was not looked at`;

function isThere(ecosystem: Ecosystem, name: string, given: ReadonlySet<string> | undefined): boolean {
  if (isStandard(ecosystem, name)) return true;
  return [name, installedAs(ecosystem, name)].some((one) => given?.has(comparable(ecosystem, one)) === true);
}

function toldName(ecosystem: Ecosystem, name: string): string {
  const installed = installedAs(ecosystem, name);
  return installed === name ? name : `${name} (package ${installed})`;
}
