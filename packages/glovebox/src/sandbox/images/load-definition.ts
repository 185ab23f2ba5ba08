import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseDocument } from "yaml";
import type { z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import { ImageDefinition, ImageName, type WholeDefinition } from "./definition.ts";

const MAX_DEFINITION_BYTES = 1_048_576;
const MAX_EXTENDS = 8;
const MAX_ALIASES = 100;
const SUFFIX = ".yaml";

/** The names that are defined in a folder, sorted. No folder: none. */
export async function definedNames(definitionsDir: string): Promise<string[]> {
  const files = await readdir(definitionsDir).catch(() => [] as string[]);
  return files
    .filter((file) => file.endsWith(SUFFIX))
    .map((file) => file.slice(0, -SUFFIX.length))
    .filter((name) => ImageName.safeParse(name).success)
    .sort();
}

/**
 * The definition of that name with all that it extends; `undefined` when there is none.
 * Errors: `invalid_argument` with the place of what is wrong.
 */
export async function loadDefinition(definitionsDir: string, name: string): Promise<WholeDefinition | undefined> {
  const chain: ImageDefinition[] = [];
  const seen = new Set<string>();
  for (let next: string | undefined = name; next !== undefined; ) {
    if (seen.has(next) || seen.size === MAX_EXTENDS) throw invalid(name, `extends '${next}' once too often`);
    seen.add(next);
    const text = await readDefinition(definitionsDir, next);
    if (text === undefined) {
      if (next === name) return undefined;
      throw invalid(name, `extends '${next}', which is not defined`);
    }
    const definition = parseDefinition(next, text);
    chain.unshift(definition);
    next = definition.extends;
  }
  return joined(chain);
}

/** Errors: `invalid_argument`. */
export function parseDefinition(name: string, text: string): ImageDefinition {
  let value: unknown;
  try {
    const document = parseDocument(text);
    // A warning is of something that YAML would guess at.
    const [problem] = [...document.errors, ...document.warnings];
    if (problem) throw problem;
    value = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    throw invalid(name, error instanceof Error ? error.message : String(error));
  }
  const result = ImageDefinition.safeParse(value);
  if (result.success) return result.data;
  throw invalid(name, result.error.issues.slice(0, 5).map(describe).join("; "));
}

function joined(chain: readonly ImageDefinition[]): WholeDefinition {
  const all = <K extends "packages" | "remove" | "languages">(key: K) => [...new Set(chain.flatMap((one) => one[key]))];
  return {
    description: chain.at(-1)?.description ?? "",
    packages: all("packages") as WholeDefinition["packages"],
    files: chain.flatMap((one) => one.files),
    remove: all("remove") as WholeDefinition["remove"],
    languages: all("languages") as WholeDefinition["languages"],
  };
}

async function readDefinition(definitionsDir: string, name: string): Promise<string | undefined> {
  const path = join(definitionsDir, `${name}${SUFFIX}`);
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return undefined;
  if (found.size > MAX_DEFINITION_BYTES) throw invalid(name, `is larger than ${MAX_DEFINITION_BYTES} bytes`);
  return readFile(path, "utf8");
}

function describe(issue: z.core.$ZodIssue): string {
  return `${issue.path.join(".") || "it"}: ${issue.message}`;
}

function invalid(name: string, why: string): GloveboxError {
  return new GloveboxError("invalid_argument", `the definition of image '${name}': ${why}`, { details: { name } });
}
